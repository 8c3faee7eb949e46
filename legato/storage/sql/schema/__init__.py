"""The tables, and the way from an older revision to the newest; `migrations` has the steps.

- `counting`: when a database begins to count what its users store
- `migrate`: brings a database's tables to this version, while other processes may do the same
- `revision`: whether a database's tables are of this version, looked up without Alembic
- `tables`: the tables, as the newest migration leaves them; a test compares the two
"""
