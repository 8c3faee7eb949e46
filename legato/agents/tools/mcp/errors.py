"""Why a call has no result."""

from typing import Final

NOT_SENT: Final = -32099
"""A code of our own, of the range for implementations: the request never left this process."""

TOO_LONG: Final = -32098
"""A code of our own: the answer came, and was longer than what is read."""


class NotSent(Exception):
    """The server has not had the call, so nothing has happened there."""


class Broken(Exception):
    """The connection broke during the call, which may or may not have happened."""


class RefusedByServer(Exception):
    """The server answered with an error of the protocol, or with what is no result."""
