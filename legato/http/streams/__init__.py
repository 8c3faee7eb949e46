"""A generation as the body of a response.

- `direct`: the direct way of a stream: frames past the ASGI server, to the client's socket
- `frames`: the direct way of a WebSocket: a job's events as frames, past the ASGI server
- `served`: the ordinary way of a stream: frames through the ASGI server, in any protocol
- `socket_sink`: frames straight to the kernel, from the job's own task, without waiting
- `sse`: a generation as a response of server-sent events, by the direct way where possible
- `streaming`: a generation as the body of a response, in either way: the ends of a body
"""
