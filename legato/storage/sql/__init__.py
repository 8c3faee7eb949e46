"""The contracts on SQLite and PostgreSQL, one module for each contract, as in memory and Redis.

Rooms: `connection` (engines and worker threads), `schema` (tables and their revisions),
`statements` (built once), `owners` (locks that end with a process).

- `actions`: actions in a database
- `agents`: agents in a database
- `bans`: bans in a database
- `branches`: a message and the messages above, read from a database: sizes first, then texts
- `deletion`: conversations are deleted in steps, between which others write
- `erasure`: removal of stored rows in a database
- `events`: the form in which events are kept in SQL: a JSON array, as msgspec writes events
- `journal`: the journal in SQL: appended in batches, and read after a crash
- `keys`: API keys in a database
- `overlaps`: appends in SQL that do not simply follow: repetitions, later owners, refusals
- `places`: the turns of waiting runs, looked up together
- `quotas`: a user's storage use in a database, and whether there is room for more
- `records`: records in a database
- `responses`: stored responses in a database
- `revocations`: revocations in a database
- `rows`: structs as rows and back
- `search`: the words of messages in a database, written by the transaction of the message
- `upserts`: an INSERT that meets a row: SQLite's, or PostgreSQL's
"""
