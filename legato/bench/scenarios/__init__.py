"""The scenarios: each measures one thing, on Legato and, where there is one, on the floor.

- `beside`: how long others wait beside one hostile client, kind by kind; descriptors that closed
  connections hold
- `coming_back`: readers that come back to a long answer: one by one, and all at once
- `costs`: memory per reader and per answer, and good readers beside hostile clients
- `journal`: the cost of losing nothing: the same load on memory, and on SQLite with its journal
- `ladders`: limits: more and more of something until the readers are behind
- `replicas`: two replicas on one Redis: jobs run at the first, readers follow at the second
- `rolling`: a rolling restart: long answers, their readers, and replicas that are replaced
- `soak`: a server under a steady mixed load: growth though nothing more is asked
- `steady`: a steady state: jobs that speak at a pace, readers that follow, and a window
- `turns`: a turn's two ends: from the question to the first word, from Stop to the last
"""
