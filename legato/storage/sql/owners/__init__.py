"""Locks that end with the process which holds them: the proof that an owner lives.

- `locks`: each living owner holds a lock, which no dead process can hold
- `server_lock`: one server at a time on an SQLite file, where no Redis connects servers
- `sessions`: owners on a PostgreSQL server: each is a session there, which holds a lock
"""
