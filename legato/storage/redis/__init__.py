"""Storage shared by replicas, in Redis.

- `bans`: bans that all replicas see at once, also replicas with databases of their own
- `claims`: taking over the jobs of replicas that are gone
- `directory`: the directory in Redis: a job's listing in its stream, and a user's in one slot
- `inbox`: packets in Redis: each replica's inbox is a stream that expires without its replica
- `job_infos`: a user's part of the directory: each change is one script over the user's keys
- `journal`: the journal in Redis: a stream for each job, closed to former owners
- `key_names`: the names of all keys in Redis
- `liveness`: signs of life in Redis, judged by each replica's own clock, and the storage's birth
- `notices`: the log of notices in Redis: one stream of all replicas
- `own_jobs`: a replica's own knowledge of its jobs, beside the knowledge of Redis
- `rate_windows`: counts in Redis of the requests to all replicas together
- `replication`: opens replication over Redis, as one replica
- `running`: a user's running jobs, for a process that is no replica
- `shared_guards`: opens what the guards of all replicas share in Redis
- `stream_scripts`: changes of a job's stream: a script looks at the last entry and decides
- `streams`: a job's stream: the whole truth about the job
- `version_check`: the requirements on a Redis: version, kind and memory policy
"""
