"""The load of a measurement: good clients and hostile clients, apart from the server's process.

- `attacks`: single hostile clients, one kind at a time, as a process of their own
- `following`: a reader that loses its connection again and again, and must have every event once,
  in order
- `generator`: connects readers, and counts the events that a window brings them, as a process of
  its own
- `hostile`: many hostile clients as a process of their own, so that their cost is not taken for
  lag
- `mixed`: all that a server meets in a day at once: people, programs, strangers and lost networks
"""
