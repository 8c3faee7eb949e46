"""Jobs as actors: a task owns a generation.  Nothing here knows of HTTP or SQL.

- `admission`: the reasons why a start is refused, or comes to nothing
- `closing`: how one job ends: the decision, and the ending that follows from the decision
- `ending`: how a job ends: from the decision to the stored answer and the ending as said
- `follow_ups`: has the words that no model read asked as turns of their own
- `job`: the actor: one task owns one generation, with the log, the readers and the ending
- `jobs`: the questions about all jobs, whether this process has all of them or is one of many
- `lifecycle`: the transitions of a job's state, as a table
- `lifespan`: a supervisor's whole life: a former process's jobs come first, nothing is left at the
  end
- `local_jobs`: the jobs of a process that has all of them, and where starts are decided there
- `mailbox`: the only file to open a message channel: mailboxes, references to actors, reply
  addresses
- `messages`: all messages of a job: a closed union of frozen structs without behaviour
- `question`: the base of all questions to a job
- `queueing`: a conversation's waiting turns from outside: the list, and a turn begun at once
- `ref`: a job from outside: the questions to ask of a job, wherever the job runs
- `registry`: the jobs of this process by id, by conversation, by user, by bytes of memory
- `replica`: a process's own jobs, beside all jobs as seen from the process
- `resources`: what the jobs of one process are made with
- `start`: starting a turn: the checks before anything running is disturbed, and the outcome
- `statistics`: counts of past and present jobs, added up when somebody asks
- `subscription`: a reader's passage through a job: the missed events, the following ones, and
  the same again after each lag
- `superseding`: decides about a new message while a run of its conversation waits for an answer
- `supervisor`: the one nursery of all jobs of a process
- `waiters`: answers questions to a job: at once, or when the job has come to the awaited point
"""
