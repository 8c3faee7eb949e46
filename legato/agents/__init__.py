"""Agents: instructions, a model, tools, and edges to other agents.

- `definition`: an agent as a run has it: frozen, resolved once, at the start
- `state`: an agent as people write it, and as storage keeps each of its versions
"""
