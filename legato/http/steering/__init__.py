"""The routes by which people take part in a generation that runs.

- `answers`: reads the answers of a request: which asks they are for, and whether they fit
- `queue`: the routes of a conversation's queue: list the waiting turns, cancel, edit or move one
- `steers`: the routes for words and answers to a generation that runs
"""
