"""The reasons why a start comes to nothing: a refusal at first, or a failure later."""

from legato.config import Limits


class NotStarted(Exception):
    """The turn failed before its beginning: `reason` is for programs, the message for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class StartRefused(Exception):
    """A refused start; the message says why, for people."""


class Busy(StartRefused):
    """The conversation has a running turn, and the start asked not to disturb it."""


class RunPaused(StartRefused):
    """The conversation has a run that waits for an answer, which is to come first."""


class TooManyForUser(StartRefused):
    """This user has as many running jobs as a user may have."""


class TooManyForServer(StartRefused):
    """The process has as many running jobs as a process may have."""


class QueueFull(StartRefused):
    """The conversation, or the user, has as many waiting turns as may wait."""


class ShuttingDown(StartRefused):
    """The process is about to go."""


class RequestReused(StartRefused):
    """The request's name was given before, with a different request."""

    def __init__(self) -> None:
        super().__init__(
            "That key named another request before: give each request a key of its own, and the"
            " same key to the same request only."
        )


def check_same(first: str | None, again: str | None) -> None:
    """Raises RequestReused where these digests of two requests of one name differ.

    None means unknown: a former version kept no digest.
    """
    if None not in (first, again) and first != again:
        raise RequestReused


class StartLimits:
    """The limits of starts, with the refusal for each limit."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def check_server(self, running: int) -> None:
        """`running`: jobs of the process that go on beside a start.  Raises TooManyForServer."""
        if running >= self._limits.max_running_jobs:
            raise TooManyForServer("The server runs as many generations as it may.")

    def check_user(self, running: int) -> None:
        """`running`: jobs of the user that go on beside a start.  Raises TooManyForUser."""
        if running >= self._limits.max_running_jobs_per_user:
            raise self.user_is_busy()

    def check_queue(self, in_conversation: int, of_user: int) -> None:
        """The numbers are of turns that wait already.  Raises QueueFull."""
        if in_conversation >= self._limits.max_queued_jobs:
            raise self.conversation_is_full()
        if of_user >= self._limits.max_queued_jobs_per_user:
            raise self.user_is_full()

    def user_is_busy(self) -> TooManyForUser:
        most = self._limits.max_running_jobs_per_user
        return TooManyForUser(f"You have {most} running generations; more are not allowed.")

    def conversation_is_full(self) -> QueueFull:
        most = self._limits.max_queued_jobs
        return QueueFull(f"The conversation has {most} waiting turns; more are not allowed.")

    def user_is_full(self) -> QueueFull:
        most = self._limits.max_queued_jobs_per_user
        return QueueFull(f"You have {most} waiting turns; more are not allowed.")
