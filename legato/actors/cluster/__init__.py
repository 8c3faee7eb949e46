"""Many replicas as one: who owns a job, how others ask it, and who takes it over.

- `failover`: failover: the jobs of replicas that are gone, taken over at once, brought here when
  wanted
- `heartbeat`: signs of life: giving them, and seeing to it that all know what this replica owns
- `job_info`: a turn as other replicas know it, and back
- `jobs`: the jobs of many replicas, seen from one of them: the same promises as where it is alone
- `lifespan`: a replica's whole life: a supervisor of many, and what it has is the others' when
  it leaves
- `link`: one link to one other replica: what both have begun with each other, and how much waits
- `mirror`: a job of another replica, for the readers of this one: fed by its owner instead of by
  a model
- `owner_client`: asking the owner of a job, whichever replica that is, also while it changes
  hands
- `owner_server`: what a replica answers when another asks for its jobs
- `protocol`: what replicas say to each other: envelopes, and a job's log as the lines of a
  dialect
- `transport`: the links to other replicas: what is begun with an envelope, and what comes of it
"""
