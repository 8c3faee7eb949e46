"""What readers follow: a log of events, and the frames that dialects make of it.

- `encoder_checkpoints`: a dialect's encoder at any position of a log
- `feed`: what readers follow: a log, its fold, and its projections, changed in one place
- `fold`: the running state of a job: its log folded into run steps and content parts
- `log`: a job's append-only entries, terminal entry last
- `memory_sizes`: how much memory things take, about: within a third of what is there
- `packing`: a log's older events, pressed together without losing any: their texts joined
- `places`: a reader's place in a job's log, and why nobody can tell what follows it
- `projection`: a job's log as one dialect's frames: what is live is encoded once, for all readers
  of it
- `sinks`: where a job's frames go: anything that takes bytes without waiting, or refuses
"""
