"""Tools: used by agents, executed outside the model.

- `arguments`: a call's arguments, from the model's JSON text to a mapping for the tool
- `contract`: the contract between a tool and the rest of the program
"""
