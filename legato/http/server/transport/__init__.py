"""Connections: bytes, pace, and HTTP on top.

- `accepting`: accepts connections, and answers a refused connection at once
- `client_stream`: a client's socket for the connection's server, with deadlines
- `connection`: one client's connection from the first byte to the last: freed when the client
  leaves
- `descriptors`: the descriptors of this process: the largest number allowed, and one in reserve
- `frames`: the bytes of a WebSocket on the way to the client: each frame whole, all in one order
- `http1`: Hypercorn's HTTP/1.1, without ambiguous requests
- `http2`: HTTP/2 by prior knowledge, for proxies: a stream ends alone, and is bounded
- `limit`: the largest number of connections, in all and from one address
- `pace`: limits the pace of a client's costly input
- `requests`: a request whose body may come in small pieces, at a limited pace
- `strict`: h11 without ambiguous requests
- `websockets`: a WebSocket with a limited pace of frames, and without compression
"""
