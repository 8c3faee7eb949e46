"""Jobs as actors: a task owns a generation.  Nothing here knows of HTTP or SQL.

- `absent_model`: the model of a turn that waited while the model was taken out of the
  configuration
- `admission`: who may start: why a start is refused before anything comes of it
- `contexts`: what a task that outlives its caller has of the caller's context
- `ending`: how a job ends: from what was decided to what is stored and said
- `event_builder`: what a model says becomes what happens in a job: chunks to steps and deltas
- `job`: the actor: one task that owns one generation, its log, its readers and its ending
- `jobs`: what the program asks of all jobs, whether this process has them all or is one of many
- `lifecycle`: what a job's state lets happen: a table
- `lifespan`: a supervisor's whole life: what a former one left comes first, and nothing is left
  at its end
- `local_jobs`: the jobs of a process that has all of them
- `mailbox`: the only file that opens a message channel: mailboxes, references to actors, reply
  addresses
- `messages`: everything that a job takes a step for: a closed union of frozen structs without
  behaviour
- `producer`: the child task of a job that makes its events: asks the model, and steps the job
  with the answer
- `ref`: what the rest of the program may know and ask of a job, wherever it runs
- `registry`: which jobs there are: by id, by conversation, by user, by what they keep in memory
- `rotation`: a round in which those who say much at a time are each let go on once
- `start`: starting a turn: what must hold before anything running is disturbed, and what came of
  it
- `statistics`: what jobs do and did, in numbers: counted in passing, and read when somebody asks
- `subscription`: a reader's passage through a job: what it missed, what follows, and again
  whenever it lagged
- `supervisor`: the one nursery jobs live in, and the one place where starts are decided
- `waiters`: answers questions to a job: at once, or when the job has come so far
"""
