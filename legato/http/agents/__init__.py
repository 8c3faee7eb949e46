"""The routes for agents, and for sharing agents.

- `access`: the agent of a request's path, and the agents for a start
- `avatars`: the pictures of agents
- `bodies`: bodies and queries of the agents' routes, in LibreChat's form
- `ids`: agents' ids in paths: everything but the names of neighbouring routes
- `images`: recognizes pictures by their first bytes
- `listing`: lists of agents, the configuration's agents first
- `permissions`: permissions of agents: LibreChat's routes under `/api/permissions`
- `replies`: agents in the routes' replies
- `routes`: create, read, change, duplicate, revert and delete agents
"""
