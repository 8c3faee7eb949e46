"""The readers' side of a job: a log of events, and the frames of each dialect.

- `encoder_checkpoints`: a dialect's encoder at any position of a log
- `feed`: a log with its fold and projections, changed in one place and followed by readers
- `fold`: the running state of a job: its log folded into run steps and content parts
- `log`: a job's append-only entries, terminal entry last
- `memory_sizes`: how much memory things take, within a third of the truth
- `packing`: a log's older events, pressed together without loss by joining their texts
- `places`: a reader's place in a job's log, and the refusals of a place
- `projection`: a job's log as one dialect's frames: a live frame is encoded once, for all readers
- `readable_log`: a log as all but its owner know the log
- `sinks`: the targets of a job's frames: each takes bytes without waiting, or refuses
"""
