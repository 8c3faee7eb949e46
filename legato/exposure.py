"""Whether other machines can reach the server, and which bounds hold by default then."""

from typing import Final

from legato.config import Settings
from legato.secret import is_loopback

STARTS_PER_USER: Final = "240/minute"
"""Four a second, again and again: more than a person asks, and too few to fill a disk."""


WRITES_PER_USER: Final = "240/minute"
"""As for starts: each write may be a version of an agent, and a second of work on a document."""


def is_exposed(settings: Settings) -> bool:
    """Whether other machines reach the server: a named proxy also opens a server on loopback."""
    return not is_loopback(settings.host) or bool(settings.guards.trusted_proxies)


def starts_per_user(settings: Settings) -> str | None:
    """The rates of one user's generations: the configured rates, else a generous default."""
    default = STARTS_PER_USER if is_exposed(settings) else None
    return settings.guards.starts_per_user or default


def writes_per_user(settings: Settings) -> str | None:
    """The rates of one user's other changes; the default holds where the default of starts does."""
    default = WRITES_PER_USER if is_exposed(settings) else None
    return settings.guards.writes_per_user or default
