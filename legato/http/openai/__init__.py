"""OpenAI's two APIs, each generation a job like any other.

- `building`: builds the turn of a large request in a worker thread
- `callers`: what a caller of OpenAI's APIs says beside its body, in headers of our own and of the
  SDKs
- `images`: images are refused where their model reads none: it would answer as if there were none
- `item_pages`: items of a response or a conversation, page by page
- `models`: the models that can be asked, as OpenAI's APIs list them
- `outcomes`: what came of a generation that an API asked for: the object, or how it failed over
  HTTP
- `replies`: the bodies that OpenAI's APIs answer with, whatever is asked
- `unknown_tools`: tools of types that only OpenAI's own servers run: left out and named, or refused
"""
