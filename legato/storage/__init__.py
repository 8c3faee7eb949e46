"""Where what is said is kept: contracts, and one folder for each that fulfils them.

- `address`: LEGATO_DATABASE_URL: which database, and what is said of one that cannot be opened
- `agent_rules`: what every storage checks of agents, and what a list looks for
- `births`: how whole the directory is: what is absent from it counts once all have told what they
  own
- `breaker`: a circuit breaker: what is known to be in vain is refused at once
- `checks`: what storage refuses before it writes
- `clock`: storage's time: aware datetimes outside, whole microseconds since the epoch inside
- `failure_detector`: tells who is alive from signs of life, which stop changing
- `interrupts`: how the wait of a thread in a database's driver is ended from outside
- `joining`: reading a job's entries in the order in which they were kept, where some are missing
- `open`: opens the storage that a setting names: records, and a journal beside them
- `operations`: what a worker thread is waiting for, so that somebody else can end its wait
- `paging`: cursors of conversation lists: where the last page ended, in an opaque text
- `rate_windows`: counting what is asked for in windows of time, by the rules of the package
  `limits`
- `retention`: conversations that nobody touched for long are removed, by a task that the server
  owns
- `threads`: worker threads with deadlines: nobody waits longer, whatever becomes of the thread
"""
