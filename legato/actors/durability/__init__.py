"""How a job outlives its process: written while it runs, recovered after it.

- `job_journal`: one job's place in the journal, for the job's whole life
- `journal_writer`: the journal's one writer: what all jobs said since its last write is its next
  one
- `recorder`: the one writer of a job's messages: the question before the model reads, the answer
  at the end
- `recovery`: jobs whose process ended under them: brought to an ending from what the journal has
  of them
- `replay`: replays a job from what a journal has of it: as much of that as hangs together
"""
