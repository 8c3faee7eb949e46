"""Clients' input, bounded before parsing.

- `bodies`: bodies and queries in LibreChat's form; unknown fields are ignored
- `bounds`: bounds of a request's head
- `forms`: the login page's form, which anybody may send: bounded before parsing
- `integers`: the range of integers in JSON: no larger than every part of Legato can hand on
- `json_bounds`: bounds of JSON, checked before parsing, because parsing takes the time
- `nesting`: bounds of nesting in JSON, and of the lengths of lists
- `parts`: a form of several parts, and the file in one part: read in no time
- `uploads`: a request's body: taken in after authentication, and dropped after the reply
"""
