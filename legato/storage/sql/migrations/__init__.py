"""Alembic's environment: the tables' history, a revision at a time."""
