"""How a job outlives its process: written during the run, recovered after the process.

- `job_journal`: one job's place in the journal, for the job's whole life
- `journal_writer`: the journal's one writer: each write has the events said since the last
- `open_writes`: the writes of one job whose outcome is unknown
- `ownership`: how a process has one job, and the ways in which the process lets go of the job
- `parked`: the entry that a process keeps of a run that only waits
- `promised`: the turn that a steer was promised, from the log of the job before
- `question_writer`: stores a turn's question, until it is certain whether the storage has it
- `queue_wait`: a turn's wait in the queue: kept in the journal, and changed there by whoever may
- `recorder`: the one writer of a job's messages: the question before the model reads, the answer
  at the end
- `recording`: everything shared by the recorders of one process
- `recovered`: a job as the journal gives it back after the end of its process
- `recovery`: brings the jobs of a dead process to an ending, from their logs in the journal
- `replay`: replays a job from its log in a journal, up to the first gap or fault
- `run_parking`: when a job may be let go of while its run only waits for answers
- `sealing`: ends a dead process's job, with the ending that readers may have heard or a new ending
- `takeover`: decides whether a taken-over run goes on
- `waking`: makes a parked run whole again, from its log in the journal
"""
