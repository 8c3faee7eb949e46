"""HTTP: parse, ask, respond.  No business rules.

- `app`: builds the application: the routes, the description, and the gate before all routes
- `application`: the application itself: all that a request may use
- `assets`: files that are the same for everybody: made once, kept as bytes, with an ETag
- `chat`: the chat routes: start, follow, query and stop a generation
- `clock`: the clock of the wire
- `conversations`: conversations and their messages, as stored
- `cors`: sites whose pages may read the API's answers: the configured ones only, without cookies
- `description`: `/openapi.json`: the description of the API, made once
- `error_page`: refusals for people: a page where a browser navigates
- `errors`: errors as HTTP responses: statuses and bodies in one table
- `gate`: all steps from the head of a request to the route, and from the route to the reply
- `headers`: security headers of every reply: what the page may load, and which sites may embed
  the page
- `open`: opens the parts under the routes, and closes the parts together
- `openapi`: the API's description (OpenAPI 3.1), made of the routes and their structs
- `page_text`: the text of a page as it is served, with icons and addresses put in
- `pages`: the page, and the routes for operators and tools
- `replies`: bodies of the routes' replies, where a reply is not a stored record
- `request_context`: requests in, responses out: JSON by msgspec, and the job or conversation that
  an id names, for the user who may see it
- `request_info`: facts about the sender, read once from the head of a request
- `requests`: the id of each request, in the reply and in the log lines; the counts of requests
- `runtime`: the parts under the routes, as a single value
- `search`: search in the texts of all conversations of a user
- `url_rules`: rules from a path to a route, without the way back until somebody asks
- `turns`: the turn that the body of a start asks for
"""
