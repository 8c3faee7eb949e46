"""HTTP: parse, ask, respond.  No business rules.

- `app`: puts the application together: its routes, their description, and the gate before them
- `application`: the application itself: what every request may use
- `assets`: what is the same for everybody: made once, kept as bytes, and known to clients by its
  ETag
- `chat`: the chat routes: start a generation, follow it, ask about it, stop it
- `conversations`: conversations and their messages, as stored
- `cors`: which other sites' pages may read what the API answers: those that are named, without
  cookies
- `description`: `/openapi.json`: the description of the API, made once
- `errors`: how what went wrong is said over HTTP: statuses and bodies in one table
- `gate`: all that happens between the head of a request and its route, and to its reply
- `headers`: what every reply tells a browser: what the page may load, and who may look into it
- `loop_delay`: how late the event loop is: what everybody waits for behind whoever computes too
  long
- `metrics`: what a process measures, as Prometheus reads it: looked up when it asks, not counted
  for it
- `openapi`: the API's description (OpenAPI 3.1), made of the routes and the structs they read and
  send
- `pages`: the page, and what operators and tools look at
- `replies`: the bodies that the routes answer with, where they are not records themselves
- `request_context`: requests in, responses out: JSON by msgspec, and whose job or conversation an
  id names
- `request_info`: what the head of a request says about whoever asks, read once
- `requests`: each request has an id, which its reply and its log lines carry; and it is counted
- `runtime`: what the routes run on, opened and closed as a whole: storage > models > supervisor
- `tracing`: a span for each generation, for OpenTelemetry; only where the extra is there and
  wanted
- `turns`: a start's body as the turn it asks for
"""
