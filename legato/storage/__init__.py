"""Storage of conversations, logs and all that replicas share: contracts and their implementations.

- `address`: LEGATO_DATABASE_URL: which database, and the refusal of a URL that cannot be opened
- `agent_rules`: checks of agents, and the text that a list searches, for every storage
- `births`: how whole the directory is: absence counts once all replicas have told their jobs
- `branches`: which of the messages above a message are read, in a conversation of any size
- `breaker`: a circuit breaker: a request that would wait in vain is refused at once
- `checks`: checks before a write: texts that no database could store are refused
- `clock`: storage's time: aware datetimes outside, whole microseconds since the epoch inside
- `failure_detector`: tells which replicas live from signs of life, which stop changing
- `interrupts`: how the wait of a thread in a database's driver is ended from outside
- `joining`: reading a job's entries in the order in which they were kept, where some are missing
- `open`: opens the storage of a setting: records, and a journal beside the records
- `operations`: a worker thread's wait, noted for a task that wants to end the wait
- `paging`: cursors of conversation lists: where the last page ended, in an opaque text
- `rate_windows`: counts of requests in windows of time, by the rules of the package `limits`
- `retention`: the server's task that removes conversations nobody touched for long
- `threads`: worker threads with deadlines: nobody waits longer, whatever becomes of the thread
"""
