"""Clients' input, bounded before parsing.

- `bodies`: what clients send, as LibreChat's wire has it; unknown fields are ignored
- `bounds`: what a request's head may be
- `client_tools`: the tools that a start's client runs
- `digests`: digests of what requests ask: a repeated request asks the same
- `forms`: the login page's form, which anybody may send: bounded before it is read
- `integers`: integers in what clients send: only those that every part of Legato can hand on
- `json_bounds`: what JSON may bring, looked at before it is read: reading is what takes the time
- `nesting`: how deep what clients send may be nested, and how many there may be of what it lists
- `parts`: a form of several parts, and the file in a part: read in no time
- `steering`: bodies of words and answers to a generation that runs
- `uploads`: a request's body: taken in once it is known who asks, and dropped once that was
  answered
"""
