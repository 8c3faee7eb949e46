"""The parts of a supervisor: each a state of its own, beside the nursery of all jobs.

- `parking`: the parked runs of a process: one timer for all runs, and one task to wake each run
"""
