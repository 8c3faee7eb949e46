"""The server: Hypercorn's parts, composed so that connections are bounded and shutdown ends.

- `asgi`: where the application meets its ASGI server: bodies that are cut, and the lifespan
- `connections`: a server's open connections: what one client does harms no other, and holds
  nothing up
- `server`: serves the application: Hypercorn's own parts, composed so that shutdown ends in time
- `signals`: SIGINT and SIGTERM: the first asks for the end, each further one skips what is waited
  for
"""
