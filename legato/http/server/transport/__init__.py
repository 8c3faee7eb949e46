"""One connection: its bytes, its pace, and what HTTP makes of them.

- `accepting`: where connections are accepted
- `client_stream`: a client's socket, as the server of its connection is given it
- `connection`: one client's connection, from its first byte to its last: it holds nothing once
  that has left
- `descriptors`: the descriptors of this process: as many as it may have, and one kept back
- `http1`: HTTP/1.1 as Hypercorn serves it, with one way to read a request and none past it
- `http2`: HTTP/2 by prior knowledge, for a proxy that speaks it: a stream ends alone, and is
  bounded
- `limit`: how many connections there may be, in all and from one address
- `pace`: how often a client may do what costs more than it sends
- `requests`: a request whose client can send its body in as small pieces as it likes, at its own
  cost
- `strict`: HTTP/1.1 that can be read in one way only
- `websockets`: a WebSocket whose client can send no more than it pays for
"""
