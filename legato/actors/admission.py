"""Who may start: why a start is refused before anything comes of it."""

from legato.actors.registry import Registry
from legato.config import Limits


class Refused(Exception):
    """A start that is not to be; the message is for people."""


class Busy(Refused):
    """The conversation has a running turn, and the start asked not to disturb it."""


class TooManyForUser(Refused):
    """This user has as many running jobs as one may have."""


class TooManyForServer(Refused):
    """The process has as many running jobs as it may have."""


class ShuttingDown(Refused):
    """The process is about to go."""


class RequestReused(Refused):
    """The request's name was given before, with another request."""

    def __init__(self) -> None:
        super().__init__(
            "That key named another request before: give each request a key of its own, and the"
            " same key to the same request only."
        )


def check_same(first: str | None, again: str | None) -> None:
    """Raises RequestReused where these digests of two requests of one name differ.

    None is not known: a former version kept none.
    """
    if None not in (first, again) and first != again:
        raise RequestReused


def admit(user: str, registry: Registry, limits: Limits, *, leaving: int) -> None:
    """Let a start pass; `leaving` of the user's running jobs make room for it.

    Raises:
        TooManyForUser, TooManyForServer
    """
    most = limits.max_running_jobs_per_user
    if len(registry.running(user)) - leaving >= most:
        raise TooManyForUser(f"You have {most} running generations; more are not allowed.")
    check_capacity(registry, limits, leaving=leaving)


def check_capacity(registry: Registry, limits: Limits, *, leaving: int = 0) -> None:
    """Raises TooManyForServer."""
    if registry.running_count() - leaving >= limits.max_running_jobs:
        raise TooManyForServer("The server runs as many generations as it may.")
