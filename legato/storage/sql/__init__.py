"""The contracts on SQLite and PostgreSQL.

- `agent_statements`: the statements of agents, built once
- `agents`: agents in a database: SQLite or PostgreSQL
- `alone`: one server at a time on an SQLite file, where no Redis tells servers of each other
- `bans`: bans in a database: SQLite or PostgreSQL
- `counting`: from when on a database counts what its users store
- `database`: the worker threads in which all SQL runs, one for each connection
- `engines`: SQLAlchemy's engines for a database: how its connections are set up
- `erasure`: removing what is stored in a database: SQLite or PostgreSQL
- `erasure_statements`: the statements that remove all of a user's, or what is old, built once
- `errors`: what databases and their drivers raise, as StorageErrors for people
- `events`: the form in which events are kept in SQL: a JSON array of them, as msgspec writes it
- `file`: the file of an SQLite database: a server that writes to one that was deleted loses all
  of it
- `journal`: the journal in SQL: appended in batches, and read by whoever comes after a crash
- `journal_statements`: the journal's statements, built once
- `keys`: API keys in a database: SQLite or PostgreSQL
- `migrate`: brings a database's tables to this version's, whoever else tries at the same time
- `overlaps`: appending in SQL what does not simply follow: repetitions, what a later owner says,
  refusals
- `owner_locks`: who is alive: an owner holds a lock, which no dead process can hold
- `probes`: the smallest statements that show whether a database can be used
- `quotas`: what a user stores in a database, and whether there is room for more
- `records`: records in a database: SQLite or PostgreSQL
- `response_statements`: the statements of what is kept for the Responses API, built once
- `responses`: what is kept for the Responses API, in a database
- `revision`: whether a database's tables are of this version: asked without what changes them
- `revocations`: revocations in a database: SQLite or PostgreSQL
- `rows`: structs as rows and back
- `sessions`: who is alive on a PostgreSQL server: an owner is a session there, which holds a lock
- `statements`: every statement of the records, built once, with the names of its parameters in it
- `tables`: the tables, as the newest migration leaves them; a test compares the two
- `wal`: SQLite's write-ahead log, switched on by whoever comes first
"""
