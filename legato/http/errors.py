"""Errors as HTTP responses: statuses and bodies in one table."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import structlog
from msgspec import json
from quart import (
    Response,
    has_request_context,
    has_websocket_context,
    request,
    websocket,
)

from legato.actors.admission import (
    Busy,
    NotStarted,
    QueueFull,
    RequestReused,
    RunPaused,
    ShuttingDown,
    StartRefused,
    TooManyForServer,
    TooManyForUser,
)
from legato.actors.conversation.plan import InvalidTurn
from legato.actors.messages import Standing
from legato.actors.queue.questions import MOST_CHANGES
from legato.actors.stream.places import UnknownDialect
from legato.agents.errors import AgentForbidden, InvalidAgent, NoSuchAgent
from legato.events import Cursor
from legato.http.auth.authenticator import ForbiddenOrigin
from legato.http.auth.tokens import KeysUnavailable, Unauthorized
from legato.http.openai.paths import is_openai
from legato.models.contract import ModelError
from legato.storage.contracts.actions import ToolTaken
from legato.storage.contracts.agents import NoOwner, TooMany
from legato.storage.contracts.errors import (
    ForeignConversation,
    InvalidCursor,
    RequestTaken,
    StorageError,
    UnstorableText,
)
from legato.storage.contracts.quotas import OverQuota

log = structlog.get_logger()

RETRY_AFTER: Final = 2  # seconds: a slot among thousands is free sooner than that


LONGEST_NAME: Final = 200
LONGEST_MESSAGE: Final = 600
"""In characters."""


def shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


class RequestError(Exception):
    """A request that the server refuses; the message is for people."""

    status = 400
    error = "Invalid request"
    headers: Mapping[str, str] = {}

    def __init__(self, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.extra = extra


class MalformedJson(RequestError):
    error = "Invalid JSON format"


class InvalidField(RequestError):
    """`param` names the field, as the client wrote the name.

    Validators repeat the value in full, however long; a reply is cut at LONGEST_MESSAGE.
    """

    def __init__(self, param: str, message: str) -> None:
        param = shortened(param, LONGEST_NAME)
        super().__init__(shortened(f"{param}: {message}", LONGEST_MESSAGE), param=param)


class UnknownModel(RequestError):
    """No model has the name that the request gives."""


class DoubtfulSender(RequestError):
    """The headers of a proxy contradict each other, or cannot be read."""


class TooLarge(RequestError):
    status = 413
    error = "Too large"


class UnsupportedBody(RequestError):
    status = 415
    error = "Unsupported media type"


class Foreign(RequestError):
    """The job or conversation belongs to somebody else.  LibreChat calls this Unauthorized."""

    status = 403
    error = "Unauthorized"


class NotFound(RequestError):
    status = 404
    error = "Not found"


class ModelNotFound(NotFound, UnknownModel):
    def __init__(self, name: str, allowed: Iterable[str]) -> None:
        message = f"model: found {name!r:.80}; allowed are {', '.join(allowed)}"
        super().__init__(message, param="model", code="model_not_found")


class StreamNotFound(NotFound):
    error = "Stream not found"


class JobNotFound(NotFound):
    error = "Job not found"


class ConversationNotFound(NotFound):
    error = "Conversation not found"


class NotQueued(RequestError):
    """The turn waits no more: `generationStatus` is how the job stands, as true at `cursor`."""

    status = 409
    error = "Not queued"

    def __init__(self, job_id: str, standing: str, cursor: Cursor) -> None:
        how = "has begun" if standing == Standing.RUNNING else "has ended"
        super().__init__(
            f"The turn {how}, and waits no more.",
            generationId=job_id,
            generationStatus=standing,
            cursor=str(cursor),
        )


class TooManyChanges(RequestError):
    """A waiting turn keeps every change, and takes only so many."""

    status = 429
    error = "Too many changes"

    def __init__(self, job_id: str, cursor: Cursor) -> None:
        super().__init__(
            f"The turn was changed {MOST_CHANGES} times; more changes are not allowed.",
            generationId=job_id,
            cursor=str(cursor),
        )


STATUSES: Final[Mapping[type[Exception], tuple[int, str]]] = {
    Unauthorized: (401, "Unauthorized"),
    KeysUnavailable: (503, "Keys unavailable"),
    ForbiddenOrigin: (403, "Forbidden origin"),
    ForeignConversation: (403, "Unauthorized"),
    OverQuota: (403, "Storage quota"),
    InvalidTurn: (400, "Invalid request"),
    NoSuchAgent: (404, "Not Found"),
    AgentForbidden: (403, "Forbidden"),
    InvalidAgent: (400, "Invalid request data"),
    NoOwner: (400, "Failed to update permissions"),
    TooMany: (400, "Invalid request data"),
    ToolTaken: (400, "Invalid request data"),
    InvalidCursor: (400, "Invalid request"),
    ModelError: (400, "Invalid request"),
    RequestReused: (422, "Request reused"),
    Busy: (409, "Conversation busy"),
    RunPaused: (409, "Run paused"),
    TooManyForUser: (429, "Too many generations"),
    QueueFull: (429, "Queue full"),
    TooManyForServer: (503, "Too many generations"),
    ShuttingDown: (503, "Shutting down"),
    RequestTaken: (409, "Request taken"),
    UnstorableText: (400, "Invalid request"),
    StorageError: (503, "Storage unavailable"),
    UnknownDialect: (500, "Cannot be told"),
}
"""Errors of other layers.  A class stands for all subclasses; the most special class is first."""

NOT_STARTED: Final[Mapping[str, type[Exception]]] = {
    "invalid_turn": InvalidTurn,
    "foreign_conversation": ForeignConversation,
    "request_taken": RequestTaken,
    "storage_quota": OverQuota,
    "storage_unavailable": StorageError,
    "unstorable_text": UnstorableText,
    "server_restart": ShuttingDown,
}

OPENAI_KINDS: Final[Mapping[int, tuple[str, str | None]]] = {
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("permission_error", "access_denied"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
}

HANDLED: Final[tuple[type[Exception], ...]] = (RequestError, NotStarted, StartRefused, *STATUSES)


def response_to(error: Exception) -> Response:
    """The response that reports `error`.

    An unexpected error is logged in full; the response says no more than "internal error".
    """
    match error:
        case RequestError():
            response = said(error.status, error.error, str(error), **error.extra)
            response.headers.update(error.headers)
            return response
        case NotStarted():
            kind = NOT_STARTED.get(error.reason)
            status, title = STATUSES[kind] if kind else (500, "Could not start")
            return said(status, title, str(error))
        case InvalidTurn():
            return said(400, "Invalid request", f"{error.field}: {error}", param=error.field)
        case InvalidAgent():
            return _invalid_agent(error)
        case NoOwner():
            return said(400, "Failed to update permissions", str(error), details=str(error))
        case InvalidCursor():
            return said(400, "Invalid request", str(error), param="cursor")
        case ForeignConversation():
            return said(403, "Unauthorized", "The conversation belongs to somebody else.")
        case RunPaused():
            return said(409, "Run paused", str(error), code="RUN_PAUSED")
    for kind, (status, title) in STATUSES.items():
        if isinstance(error, kind):
            return said(status, title, str(error))
    log.error("unexpected error in a request", exc_info=error)
    return said(500, "Internal error", "Something went wrong inside Legato; the log has it.")


def _invalid_agent(error: InvalidAgent) -> Response:
    """LibreChat's form, with the field's path in `details`, and our fields of every error."""
    field = shortened(error.field, LONGEST_NAME)
    text = shortened(f"{field}: {error}", LONGEST_MESSAGE)
    path = field.replace("[", ".").replace("]", "").split(".")
    details = [{"path": path, "message": text}]
    return said(400, "Invalid request data", text, param=field, details=details)


def said(status: int, error: str, message: str, **extra: Any) -> Response:
    """The refusal in the shape of the API that the request's path belongs to."""
    if is_openai(_path()):
        body: Mapping[str, Any] = {"error": openai_error(status, message, **extra)}
    else:
        body = {"error": error, "message": message, **extra}
    response = Response(json.encode(body), status, mimetype="application/json")
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if status in (429, 503):
        response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


def _path() -> str:
    if has_request_context():
        return request.path
    return websocket.path if has_websocket_context() else ""


def openai_error(
    status: int, message: str, *, param: str | None = None, code: str | None = None, **_: Any
) -> Mapping[str, str | None]:
    """The `error` of OpenAI's APIs: OpenAI's clients choose an exception by status and code."""
    kind, usual_code = OPENAI_KINDS.get(status, ("invalid_request_error", None))
    if status >= 500:
        kind = "server_error"
    return {"message": message, "type": kind, "param": param, "code": code or usual_code}
