"""Agents: instructions, a model, tools, and edges to other agents.

- `catalogue`: finds configured and stored agents for a user
- `configured`: makes the `[agents.<name>]` tables into agents
- `definition`: a run's snapshot of an agent: frozen, resolved once, at the start
- `edges`: follows the edges of agents
- `errors`: says why an agent cannot be used or saved
- `permissions`: says what people may do with agents: roles for bits, and principals for a user
- `state`: an agent as written by people, and as stored for each version
"""
