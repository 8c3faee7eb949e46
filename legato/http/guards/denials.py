"""The guards' refusals."""

from collections.abc import Mapping
from typing import Any, Final

from legato.http.errors import RequestError, is_openai

BANNED: Final = "Your account has been temporarily banned due to violations of our service."
"""LibreChat's words: clients know them."""

QUOTA: Final = "storage_quota"


class Denied(RequestError):
    """`violation` says what was done as LibreChat's clients know it; its `type` is the kind."""

    status = 403
    error = "Denied"

    def __init__(
        self, message: str, violation: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> None:
        # A violation's own `error` is a sentence, where ours is the title of the refusal.
        super().__init__(message, **{k: v for k, v in violation.items() if k != "error"})
        self.violation = violation
        self.headers = headers or {}


class Banned(Denied):
    error = "Banned"


class TooFast(Denied):
    """More often than a rate allows."""

    status = 429
    error = "Too many requests"


class TooManyGenerations(Denied):
    """At the same time."""

    status = 429
    error = "Too many generations"


class NoRoom(Denied):
    """For what a start would store.  403: to wait does not help, and 429 is tried again by SDKs."""

    error = "Storage quota"

    def __init__(self, message: str) -> None:
        super().__init__(message, {"type": QUOTA, "info": message})
        self.extra = {"type": QUOTA, "code": QUOTA}


class NotABrowser(Denied):
    error = "Illegal request"


class ForeignAccess(Denied):
    """To somebody else's conversation.  The wire's word for it is Unauthorized."""

    error = "Unauthorized"


class Flagged(Denied):
    error = "Moderated"

    def __init__(self, path: str) -> None:
        super().__init__("The moderation does not allow this content.", {"type": "moderation"})
        if is_openai(path):
            self.status = 400  # as theirs, so that their clients say BadRequest
            self.extra = {"code": "content_policy_violation"}


class NotModerated(Denied):
    """It could not be, and unseen nothing passes."""

    status = 503
    error = "Moderation unavailable"

    def __init__(self) -> None:
        super().__init__("The moderation does not answer at the moment.", {"type": "moderation"})
