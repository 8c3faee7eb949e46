"""Tools: what agents use that something outside the model executes.

- `arguments`: a call's arguments, from the model's JSON text to what the tool is called with
- `contract`: what a tool is to the rest of the program
"""
