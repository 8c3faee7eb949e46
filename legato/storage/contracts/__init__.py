"""The contracts of storage: every implementation keeps them, whichever database is behind.

- `actions`: the contract for actions: OpenAPI documents that users keep for their agents
- `agents`: the contract for agents: every version of each, and the grants to use an agent
- `bans`: the contract for bans and for the scores of violations
- `erasure`: the contract for removing stored rows, a bounded step at a time
- `errors`: the errors of storage
- `journal`: the contract for journals: a job's log outlives the process that runs the job
- `keys`: the contract for API keys, of which only a digest is stored
- `notices`: the contract for the log of notices that replicas share
- `quotas`: how much one user may store, and how each row is counted
- `records`: the contract for conversations and messages
- `replication`: the contracts between replicas: liveness, the directory of jobs, and packets
- `responses`: the contract for stored responses of the Responses API
- `revocations`: the contract for sessions and tokens refused before their expiry
"""
