"""The longer SQL statements, built once, with named parameters: a module for each contract.

- `actions`: the statements of actions
- `agents`: the statements of agents
- `erasure`: the statements that remove a user's rows, or old rows
- `journal`: the journal's statements
- `records`: every statement of the records
- `responses`: the statements of stored responses
- `search`: the statements of the search, which differ between the databases
"""
