"""The contracts within one process: nothing outlives it.

- `agents`: agents in memory: gone with the process
- `bans`: bans in memory, gone with the process
- `erasure`: removing what is stored in memory
- `journal`: a journal in memory: the simplest implementation of the contract, for who shares its
  shelf
- `keys`: API keys in memory: gone with the process
- `quotas`: what users store in memory, counted as it is put there and removed
- `records`: records in memory: the simplest implementation of the contract, gone with the process
- `replication`: replicas within one process: the simplest implementation of what they promise
  each other
- `responses`: responses in memory: a part of the records there, gone with the process
- `revocations`: revocations in memory, gone with the process
- `shared_memory`: the storage that replicas within one process share
"""
