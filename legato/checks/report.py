"""Asks every rule, prints the findings, and says whether the server may be opened."""

from collections.abc import Sequence
from pathlib import Path

from legato.checks.finding import Finding, Machine, Weight
from legato.checks.machine import look
from legato.checks.rules import RULES
from legato.config import Settings


class NotToBeOpened(Exception):
    """A finding that must be mended first was printed."""


def check(settings: Settings, file: Path | None) -> None:
    """Print what is missing; `file` is the settings file, if there is one.

    Raises:
        NotToBeOpened: if anything must be done before others may reach this server.
        StorageError: if the database's URL is not allowed.
    """
    found = findings(settings, look(settings, file))
    for finding in found:
        print(text_of(finding))
    if missing := _number(found, "must"):
        things = "one thing" if missing == 1 else f"{missing} things"
        raise NotToBeOpened(f"not to be opened to others yet: {things} must be done first")
    print("Nothing that is checked here speaks against opening this server to others.")


def findings(settings: Settings, machine: Machine) -> Sequence[Finding]:
    """The findings of all rules, beginning with those that must be mended."""
    found = [finding for rule in RULES for finding in rule(settings, machine)]
    return sorted(found, key=lambda finding: finding.weight != "must")


def text_of(finding: Finding) -> str:
    return (
        f"{finding.weight:6}  {finding.about}\n"
        f"        found: {finding.found}\n"
        f"        write: {finding.write}"
    )


def _number(found: Sequence[Finding], weight: Weight) -> int:
    return sum(finding.weight == weight for finding in found)
