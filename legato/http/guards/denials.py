"""The guards' refusals."""

from collections.abc import Mapping
from typing import Any, Final

from legato.http.errors import RequestError
from legato.http.openai.paths import is_openai

BANNED: Final = "Your account has been temporarily banned due to violations of our service."
"""LibreChat's words, which clients know."""

QUOTA: Final = "storage_quota"


class Denied(RequestError):
    """`violation` describes the violation for LibreChat's clients; `type` is the kind."""

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
    """More requests than a rate allows."""

    status = 429
    error = "Too many requests"


class TooManyGenerations(Denied):
    """More generations at the same time than allowed."""

    status = 429
    error = "Too many generations"


class NoRoom(Denied):
    """No room for a start's messages.  403: SDKs repeat a 429, though waiting does not help."""

    error = "Storage quota"

    def __init__(self, message: str) -> None:
        super().__init__(message, {"type": QUOTA, "info": message})
        self.extra = {"type": QUOTA, "code": QUOTA}


class NotABrowser(Denied):
    error = "Illegal request"


class ForeignAccess(Denied):
    """A start in somebody else's conversation.  LibreChat calls this Unauthorized."""

    error = "Unauthorized"


class Flagged(Denied):
    error = "Moderated"

    def __init__(self, path: str) -> None:
        super().__init__("The moderation does not allow this content.", {"type": "moderation"})
        if is_openai(path):
            self.status = 400  # OpenAI's own status: clients say BadRequest
            self.extra = {"code": "content_policy_violation"}


class NotModerated(Denied):
    """The moderation did not answer, and `moderation_on_failure` is "closed"."""

    status = 503
    error = "Moderation unavailable"

    def __init__(self) -> None:
        super().__init__("The moderation does not answer at the moment.", {"type": "moderation"})
