"""Agents: instructions, a model, tools, and edges to other agents.

- `calls`: the model calls of a run, read from its log
- `contract`: what a run and the job that lives it are to each other
- `definition`: an agent as a run has it: frozen, resolved once, at the start
- `execution`: makes the tool calls of one model call, side by side
- `handoffs`: the tools by which one agent gives the run to another
- `prompt`: what a model is asked on an agent's behalf
- `run`: the loop: model call, tool calls, next model call
- `visits`: which agents are to act now
"""
