"""Making a job's events: a child task asks the model, and builds events of the answer.

- `absent_model`: stands in for a model that left the configuration while a turn waited
- `event_builder`: turns a model's chunks into steps and deltas of the job
- `event_times`: when the events of a log came, in a bounded number of entries
- `producer`: the child task that asks the model, and steps the job with the answer
- `rotation`: a round in which each producer with much to say is let go on once
- `time_limit`: a deadline whose clock can be stopped
- `timing`: when the parts of one job happened
"""
