"""The commands for operators of a server for others: check, erase."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from legato.cli import values
from legato.config import Settings, load_settings, settings_file

COMMANDS: Final = ("check", "erase")


class Declined(Exception):
    """The command was understood, and the answer is no.  The message is for people."""


def add_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    add_config: Callable[[argparse.ArgumentParser], None],
) -> None:
    text = "print what to do before other people may reach this server; status 1 if anything must"
    add_config(commands.add_parser("check", help=text))
    erase = commands.add_parser("erase", help="remove everything stored for a user, for good")
    erase.add_argument("--user", type=values.user, required=True, metavar="ID")
    add_config(erase)


def run(arguments: argparse.Namespace) -> None:
    """Run `check` or `erase`.  Imports stand where they are used: see `legato.cli.main`.

    Raises:
        ConfigError, StorageError
        Declined: if a generation of the user runs, or the server is not to be opened.
    """
    settings = load_settings(os.environ, arguments.config)
    if arguments.command == "check":
        _check(settings, settings_file(os.environ, arguments.config))
    else:
        _erase(settings, arguments.user)


def _check(settings: Settings, file: Path | None) -> None:
    from legato.checks import NotToBeOpened, check

    try:
        check(settings, file)
    except NotToBeOpened as error:
        raise Declined(str(error)) from None


def _erase(settings: Settings, user: str) -> None:
    import trio

    from legato.cli.erasing import StillRunning, erase

    try:
        print(trio.run(erase, settings, user))
    except StillRunning as error:
        raise Declined(str(error)) from None
