"""Readers of answers while the storage is hurt again and again.

- `faults`: how a database and a Redis are hurt, and for how long
- `load`: readers, starts and looks at readiness, for as long as storage is hurt
- `scenario`: faults under the load, on SQLite alone and on two replicas with a Redis
"""
