"""What replicas share, in Redis.

- `bans`: bans that all replicas see at once, also those that have a database of their own
- `claims`: taking over: whatever replicas that are gone have left becomes this one's
- `directory`: the directory in Redis: a job's listing in its stream, and all of a user's in one
  slot
- `inbox`: packets in Redis: each replica's inbox is a stream that vanishes when nobody looks
  after it
- `job_infos`: a user's part of the directory: changed by scripts, each one step for all of one
  user's keys
- `journal`: the journal in Redis: a stream for each job, which former owners are kept out of
- `keys`: the names of everything kept in Redis
- `liveness`: signs of life in Redis, and its birth: each replica judges them by its own clock
- `own_jobs`: a replica's own knowledge of its jobs, beside what Redis knows
- `rate_windows`: counting in Redis: what is asked of all replicas together
- `replication`: opens replication over Redis, as one replica
- `running`: what runs of a user, asked by one who is no replica
- `shared_guards`: opens what the guards of all replicas share in Redis
- `stream_scripts`: changes of a job's stream, each in one step: a script looks at the last entry
  and decides
- `streams`: a job's stream: the whole truth about it
- `version_check`: what a Redis must be to be used here
"""
