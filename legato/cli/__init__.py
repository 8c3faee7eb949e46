"""The command `legato`, a module for each group of its commands.

- `agents`: the command `legato agents`: agents in the configured storage, as tables and as files
- `arguments`: the commands of `legato` and their arguments, with the help that people read
- `bans`: the command `legato bans`: bans by hand
- `erasing`: the command `legato erase`: removes everything stored for one user
- `keys`: `legato keys`: makes, lists and revokes API keys in the configured storage
- `listening`: a place where the server cannot listen, in a sentence with a port that is free
- `main`: the command `legato`: a server, its keys, agents and users, and its measurements
- `operating`: the commands for operators of a server for others: check, erase
- `parser`: the parser of commands: a typo is met with the nearest command
- `rotating`: the command `legato agents rotate-secrets`: the keys of actions, sealed anew
- `sessions`: `legato sessions`: ends a user's sessions and tokens in the configured storage
- `toml`: writes TOML: the standard library only reads TOML
- `values`: the values of commands' arguments, and errors that tell a person the allowed values
- `welcome`: the words of a server that has begun to serve: where it is, and how to get in
"""

from legato.cli.main import main

__all__ = ["main"]
