"""A generation as the body of a response.

- `direct`: the direct way of a stream: past the server that accepted the connection, not behind
  its back
- `served`: the ordinary way of a stream: the server is given the frames, whatever it speaks
- `socket_sink`: frames straight to the kernel, from the job's own task, without waiting
- `sse`: a generation as a response of server-sent events, by the direct way where there is one
- `streaming`: a generation as the body of a response, whichever way its frames go: how it may end
"""
