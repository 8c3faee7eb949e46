"""The contracts within one process: nothing outlives the process.

- `actions`: actions in memory, a part of the agents there
- `agents`: agents in memory
- `bans`: bans in memory
- `erasure`: removal of stored rows in memory
- `journal`: a journal in memory, the simplest implementation of the contract
- `keys`: API keys in memory
- `notices`: the log of notices within one process
- `quotas`: each user's storage use in memory, counted at every write and removal
- `records`: records in memory, the simplest implementation of the contract
- `replication`: replicas within one process, the simplest implementation of the contracts
- `responses`: responses in memory, a part of the records there
- `revocations`: revocations in memory
- `search`: the words of messages in memory, looked through one message after another
- `shared_memory`: the storage shared by the replicas of a process
"""
