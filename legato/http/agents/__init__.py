"""The routes of agents and their permissions.

- `action_bodies`: bodies and replies of the routes of actions, as on LibreChat's wire
- `action_saving`: makes of a body the action to be kept: the document is read, and the key sealed
- `actions`: the routes of actions: OpenAPI documents that users keep for their agents
- `access`: the agent of a request's path, and the answering agents of a start
- `avatars`: the pictures of agents
- `bodies`: bodies and queries of the agents' routes, as on LibreChat's wire
- `ids`: agents' ids in paths, which leave the names of other routes alone
- `images`: recognizes pictures by their first bytes
- `listing`: lists of agents, the configured agents first
- `permissions`: permissions of agents: LibreChat's routes under `/api/permissions`
- `replies`: the routes' replies about agents
- `routes`: create, read, change, duplicate, revert and delete agents
- `tools`: the tools that an agent could have
"""
