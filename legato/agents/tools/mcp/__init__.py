"""MCP servers as tools: each server has one client, shared by all runs.

- `connection`: an open connection to a server: the tools that it lists, and calls
- `errors`: why a call has no result
- `guardian`: ends the process groups of servers whose Legato was killed
- `http`: the HTTP client of a server with an address, with bounds for all that comes back
- `launcher`: begins a server's process, known to the guardian before the server itself runs
- `lines`: splits a server's output into messages, of bounded length
- `process`: a server that is a process: begun, spoken to through pipes, and ended as a whole
- `results`: a call's result as a model reads it
- `server`: one server: connected, watched, and connected again
- `tasks`: the messages of the tasks extension: a call that goes on as a task
- `tool`: one tool of a server
- `toolbox`: the tools of all servers, by the names that agents use
"""
