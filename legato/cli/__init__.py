"""The command `legato`, a module for each group of its commands.

- `bans`: the command `legato bans`: who is banned, by hand
- `erasing`: the command `legato erase`: all that is stored of one user is removed
- `keys`: `legato keys`: API keys made, listed and revoked in the storage that the settings name
- `main`: the command `legato`: serve, demo, token, keys, sessions, bans, check, erase, bench,
  prove
- `operating`: the commands of whoever runs a server for others: check, erase
- `sessions`: `legato sessions`: what was issued to a user ended in the storage that the settings
  name
- `values`: what the value of a command's argument may be, and how a person is told that it is not
"""

from legato.cli.main import main

__all__ = ["main"]
