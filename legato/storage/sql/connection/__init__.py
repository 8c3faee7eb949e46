"""Connections to SQLite and PostgreSQL, and the worker threads that use the connections.

- `database`: the worker threads in which all SQL runs, one for each connection
- `engines`: SQLAlchemy's engines for a database: how connections are set up
- `errors`: errors of databases and their drivers, as StorageErrors for people
- `file`: the file of an SQLite database, which must stay the file that was opened
- `probes`: the smallest statements that show whether a database can be used
- `wal`: SQLite's write-ahead log, switched on by the first process
"""
