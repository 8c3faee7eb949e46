"""Words and answers that come from outside for a running job.

- `interjections`: words and answers from outside for a running job, and the replies to them
- `receipts`: one job's replies to interjections, sent once the log's events are durable
- `verdicts`: decides on words and answers that come from outside for a running job
"""
