"""Agents: instructions, a model, tools, and edges to other agents.

- `catalogue`: finds agents, those of the configuration and those that are stored, for a user
- `configured`: makes the `[agents.<name>]` tables into agents
- `definition`: an agent as a run has it: frozen, resolved once, at the start
- `edges`: follows the edges of agents
- `errors`: says why an agent cannot be used or saved
- `permissions`: says what people may do with agents: roles for bits, and principals for a user
- `state`: an agent as people write it, and as storage keeps each of its versions
"""
