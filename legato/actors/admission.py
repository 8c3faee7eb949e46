"""Who may start: why a start is refused before anything comes of it."""

from legato.actors.registry import Registry
from legato.config import Limits


class StartRefused(Exception):
    """A start that is not to be; the message is for people."""


class Busy(StartRefused):
    """The conversation has a running turn, and the start asked not to disturb it."""


class TooManyForUser(StartRefused):
    """This user has as many running jobs as one may have."""


class TooManyForServer(StartRefused):
    """The process has as many running jobs as it may have."""


class ShuttingDown(StartRefused):
    """The process is about to go."""


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
