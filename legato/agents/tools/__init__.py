"""Tools: used by agents, executed outside the model.

- `arguments`: a call's arguments, from the model's JSON text to what the tool is called with
- `ask_user`: the tool by which a model asks the user a question
- `bounds`: how much of a tool's result a model is given
- `contract`: what a tool is to the rest of the program
- `functions`: Python functions as tools
- `named`: tools that each have one name, all of one kind
- `schemas`: schemas of arguments: which of them are taken, and what a value breaks
- `secret_keys`: seals the secrets of actions for the storage, and opens them for a call
- `stored_actions`: the tools of the actions that users keep for their agents
- `toolbox`: every tool that is configured: which kind a name is of
- `variables`: environment variables in the tables of MCP servers
"""
