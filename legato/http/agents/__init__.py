"""The routes that keep agents, and share them.

- `access`: which agent a request is about, and which agents answer a start
- `avatars`: the pictures of agents
- `bodies`: what clients send of agents, as LibreChat's wire has it
- `images`: what a picture is, by its first bytes
- `listing`: lists of agents, those of the configuration first
- `permissions`: who may do what with an agent
- `replies`: agents as the routes answer with them
- `routes`: create, read, change, duplicate, revert and delete agents
"""
