"""The scenarios: each measures a single thing, on Legato and, where possible, on the floor.

- `agents`: the same words by bare models, and by agents after a tool call
- `beside`: waits of good clients beside a hostile client, kind by kind; descriptors of closed
  connections
- `coming_back`: readers coming back to a long answer: in turn, and all at once
- `costs`: memory per reader and per answer, and good readers beside hostile clients
- `journal`: the cost of losing nothing: the same load on memory, and on SQLite with its journal
- `ladders`: limits: more and more of something until the readers are behind
- `replicas`: two replicas on one Redis: jobs run at the first, readers follow at the second
- `rolling`: a rolling restart: long answers, readers, and replicas that are replaced
- `soak`: a server under a steady mixed load: growth though nothing more is asked
- `steady`: a steady state: jobs that speak at a pace, following readers, and a window
- `steering`: words and answers for runs, and the runs that wait for an answer
- `storage_faults`: readers and starts while the storage is hurt again and again
- `turns`: a turn's two ends: from the question to the first word, from Stop to the last
- `upstream`: the way of every user: a model server in front, a reader behind
"""
