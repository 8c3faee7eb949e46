"""Agents: instructions, a model, tools, and edges to other agents.

- `calls`: the model calls of a run, read from its log
- `catalogue`: finds configured and stored agents for a user
- `configured`: makes the `[agents.<name>]` tables into agents
- `contract`: the contract between a run and its job
- `definition`: an agent as a run has it: frozen, resolved once, at the start
- `edges`: follows the edges of agents
- `errors`: says why an agent cannot be used or saved
- `execution`: makes the tool calls of one model call, side by side
- `handoffs`: the tools by which an agent gives the run to the next
- `permissions`: says what people may do with agents: roles for bits, and principals for a user
- `prompt`: makes the request to a model on an agent's behalf
- `run`: the loop: model call, tool calls, next model call
- `state`: an agent as people write it, and as storage keeps each of its versions
- `visits`: finds the agents to act now
"""
