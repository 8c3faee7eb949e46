"""The command `legato`, a module for each group of its commands."""

from legato.cli.main import main

__all__ = ["main"]
