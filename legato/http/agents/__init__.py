"""The routes that keep agents, and share them.

- `access`: the agent of a request's path, and the agents that answer a start
- `avatars`: the pictures of agents
- `bodies`: bodies and queries of the agents' routes, as on LibreChat's wire
- `ids`: agents' ids in paths: everything but the names of the routes beside them
- `images`: recognizes pictures by their first bytes
- `listing`: lists of agents, those of the configuration first
- `permissions`: permissions of agents: LibreChat's routes under `/api/permissions`
- `replies`: agents as the routes answer with them
- `routes`: create, read, change, duplicate, revert and delete agents
- `tools`: the tools that an agent could have
"""
