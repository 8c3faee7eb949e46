"""Whether others than this machine can reach the server, and what is on by default then."""

from typing import Final

from legato.config import Settings
from legato.secret import is_loopback

STARTS_PER_USER: Final = "240/minute"
"""Four a second, again and again: more than a person asks, and less than one who fills a disk."""


def is_exposed(settings: Settings) -> bool:
    """Behind a proxy that is named, a server on loopback is reached by whoever reaches that."""
    return not is_loopback(settings.host) or bool(settings.guards.trusted_proxies)


def starts_per_user(settings: Settings) -> str | None:
    """The rates of generations of one user that hold: those configured, else a generous one."""
    default = STARTS_PER_USER if is_exposed(settings) else None
    return settings.guards.starts_per_user or default
