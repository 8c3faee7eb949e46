"""The parts of a supervisor: each a state of its own, beside the nursery of all jobs.

- `contexts`: the part of a caller's context given to a task that outlives the caller
- `contract`: a supervisor as the server and its routes see it
- `crashes`: a bug ends the part that has the bug, and nothing beside
- `drain`: the orderly end of a process's jobs: each job ended, or left to another process
- `local_queue`: the order of waiting turns in a process without other replicas
- `parking`: the parked runs of a process: one timer for all runs, and one task to wake each run
- `shutdown`: the end of a supervisor in time, whatever hangs
- `totals`: counts of the jobs that have left, kept in passing
"""
