"""Many replicas as one: the owner of a job, questions to the owner, and the next owner.

- `directory_updates`: tells the directory those facts about jobs which the journal does not tell
- `entering`: the jobs about to be here: in the directory already, and not in the registry yet
- `failover`: takes the jobs of dead replicas over at once, and brings each here when wanted
- `heartbeat`: gives signs of life, and keeps all replicas informed of this replica's jobs
- `job_info`: a turn as other replicas know it, and back
- `jobs`: the jobs of many replicas, seen from a single replica, with a lone process's promises
- `lifespan`: a replica's whole life: a supervisor among many, whose jobs the others get at the end
- `link`: the link to one other replica: the calls and mirrors under way, and how much waits
- `mirror`: another replica's job for the readers here: fed by the owner instead of by a model
- `notices`: notices among replicas: a task writes this replica's, and a task reads all replicas'
- `owner_client`: asks the owner of a job, at whichever replica, also while the owner changes
- `owner_server`: answers other replicas' questions about the jobs here
- `protocol`: the envelopes between replicas, and the dialect for a job's log
- `shared_queue`: the order of waiting turns among replicas, decided by the directory
- `transport`: the links to other replicas: sends and receives their envelopes
"""
