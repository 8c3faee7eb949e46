"""The parts of a supervisor: each a state of its own, beside the nursery of all jobs.

- `crashes`: a bug ends the part that has the bug, and nothing beside
- `drain`: the orderly end of a process's jobs: each job ended, or left to another process
- `parking`: the parked runs of a process: one timer for all runs, and one task to wake each run
"""
