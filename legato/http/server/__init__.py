"""The server: Hypercorn's parts, composed for bounded connections and a shutdown that ends.

- `asgi`: the application's side of ASGI: bodies that are cut, and the lifespan
- `connections`: a server's open connections: a client's fault ends only the client's connection
- `exchange`: a request and the response: the response's end waits for the request's
- `late_imports`: modules that no first answer needs, imported while the server already serves
- `server`: serves the application: Hypercorn's own parts, composed for a shutdown in time
- `signals`: SIGINT and SIGTERM: the first signal asks for the end, each further signal skips a wait
"""
