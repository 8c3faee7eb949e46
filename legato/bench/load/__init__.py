"""The load of a measurement: good clients and hostile clients, apart from the server's process.

- `attacks`: single hostile clients, one kind at a time, as a process of their own
- `endurance`: readers, starts and looks at readiness, for as long as storage is hurt
- `faults`: how a database and a Redis are hurt, and for how long
- `following`: a reader that loses the connection again and again, and must have every event once,
  in order
- `generator`: connects readers, and counts the events of a window, as a process of its own
- `hostile`: many hostile clients as a process apart, because their cost must not look like lag
- `mixed`: everything that a server meets in a day, at once: people, programs, strangers, lost
  networks
"""
