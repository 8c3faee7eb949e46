"""Errors of providers, in every shape that providers use.  Pure."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from legato.models.contract import ModelError
from legato.models.fields import encodable

SHOWN: Final = 300  # characters of a provider's own words: a sentence or two, not a page
_DEEPEST: Final = 8  # levels of a body that are searched: the worst error seen has four
_LONGEST_NAME: Final = 64  # characters
_TOO_MANY: Final = 429
# statuses that may pass, besides 500 and above
_BY_STATUS: Final = frozenset({408, 425, _TOO_MANY})
_FOR_GOOD: Final = frozenset({501, 505, 511})  # not implemented, wrong version, log in first

CONTEXT: Final = "context_length_exceeded"
FILTERED: Final = "content_filter"
QUOTA: Final = "insufficient_quota"

_REASONS: Final[Mapping[str, str]] = {
    "context_length_exceeded": CONTEXT,
    "context_window_exceeded": CONTEXT,
    "exceed_context_size_error": CONTEXT,  # llama.cpp
    "contextwindowexceedederror": CONTEXT,  # LiteLLM
    "content_filter": FILTERED,
    "content_policy_violation": FILTERED,
    "contentpolicyviolationerror": FILTERED,  # LiteLLM
    "responsibleaipolicyviolation": FILTERED,  # Azure
    "data_inspection_failed": FILTERED,  # Alibaba
    "insufficient_quota": QUOTA,
    "insufficient_balance": QUOTA,
    "billing_hard_limit_reached": QUOTA,
    "exceeded_current_quota_error": QUOTA,  # Moonshot
}
"""Reasons by a provider's name for an error, in small letters."""

_CONTEXT_WORDS: Final = re.compile(
    r"maximum context length|context (length|window|size)|prompt is too long", re.IGNORECASE
)
"""vLLM, Mistral and Anthropic name the error in words alone."""

_STATUSES: Final[Mapping[str, int]] = {
    "invalid_request_error": 400,
    "badrequesterror": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "notfounderror": 404,
    "rate_limit_error": _TOO_MANY,
    "rate_limit_exceeded": _TOO_MANY,
    "ratelimiterror": _TOO_MANY,
    "resource_exhausted": _TOO_MANY,  # Google
    "engine_overloaded_error": _TOO_MANY,  # Moonshot
    "server_error": 500,
    "api_error": 500,
    "internal_server_error": 500,
    "internalservererror": 500,
    "service_unavailable": 503,
    "overloaded_error": 529,  # Anthropic
    CONTEXT: 400,
    FILTERED: 400,
    QUOTA: _TOO_MANY,
}
"""Statuses by a provider's name for an error within a stream, which has no status any more."""

_WORDS: Final = ("error", "message", "msg", "detail", "error_msg", "errors")
_NAMES: Final = ("code", "type", "status", "error_code", "status_code")


class ErrorReport(Struct, frozen=True):
    """A provider's error: `message` in the provider's words, `names` of the kind of error.

    `status` is the HTTP status of the error, as response or as named in the body; None if unknown.
    """

    message: str
    names: tuple[str, ...] = ()
    status: int | None = None

    @property
    def reason(self) -> str:
        """The `reason` of a ModelError."""
        for name in self.names:
            if name in _REASONS:
                return _REASONS[name]
        status = self.status or 500
        if status == 402:
            return QUOTA
        if 400 <= status < 500 and status != _TOO_MANY and _CONTEXT_WORDS.search(self.message):
            return CONTEXT
        if status == _TOO_MANY:
            return "provider_rate_limited"
        return "provider_rejected" if 300 <= status < 500 else "provider_error"

    def error(self, what: str) -> ModelError:
        """The error for people; `what` says what the provider did."""
        message = self.message or "no reason given"
        return ModelError(self.reason, f"The provider {what}: {message}", status=self.status)


def may_pass(reason: str, status: int | None) -> bool:
    """Whether a retry may help after a failure."""
    if status is None or reason in _REASONS.values():
        return False
    return status in _BY_STATUS or (status >= 500 and status not in _FOR_GOOD)


def report_of(found: object, status: int | None = None) -> ErrorReport:
    """The report in the value of an error; `status`: the response's own, which counts for more."""
    names = tuple(_names(found, _DEEPEST))
    if status is None:
        status = next((number for name in names if (number := _status(name))), None)
    return ErrorReport(_shortened(_words(found, _DEEPEST)), names, status)


def report_in(body: bytes, status: int | None = None) -> ErrorReport:
    """The report in an error's body, JSON or not."""
    try:
        return report_of(msgspec.json.decode(body), status)
    except (msgspec.DecodeError, ValueError, RecursionError):  # ValueError: a key is not UTF-8
        return ErrorReport(_shortened(body.decode(errors="replace")), (), status)


def error_in(chunk: Mapping[str, Any]) -> object:
    """The error in a chunk, or in a body with status 200; None for any other chunk."""
    if chunk.get("error") or chunk.get("object") == "error" or chunk.get("type") == "error":
        return chunk
    return None


def _shortened(words: str) -> str:
    return encodable(" ".join(words[: 8 * SHOWN].split())[:SHOWN])


def _words(found: object, depth: int) -> str:
    match found:
        case _ if not found:
            return ""
        case str():
            return found
        case [inner, *_] if depth:
            return _words(inner, depth - 1)
        case dict() if depth and (said := [found[key] for key in _WORDS if key in found]):
            words = _words(next(filter(None, said), None), depth - 1)
            more = _words(_raw_in(found), depth - 1)
            return f"{words}: {more}" if more and more != words else words
        case _:
            return _as_json(found)


def _as_json(found: object) -> str:
    try:
        return json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    except (RecursionError, ValueError):  # ValueError: an integer of thousands of digits
        return ""


def _raw_in(found: dict[str, Any]) -> object:
    """The field in which OpenRouter has the words of the provider behind."""
    metadata = found.get("metadata")
    return metadata.get("raw") if isinstance(metadata, dict) else None


def _names(found: object, depth: int) -> Iterator[str]:
    """The names of an error, the innermost first, because outer names are less particular."""
    match found:
        case [inner, *_] if depth:
            yield from _names(inner, depth - 1)
        case dict() if depth:
            for key in ("error", "innererror", "errors"):
                yield from _names(found.get(key), depth - 1)
            for key in _NAMES:
                match found.get(key):
                    case str(name):
                        yield name[:_LONGEST_NAME].lower()
                    case int(number) if 0 <= number < 1000:
                        yield str(int(number))
        case _:
            return


def _status(name: str) -> int | None:
    if name.isdecimal() and len(name) == 3:
        return int(name) if 400 <= int(name) < 600 else None
    return _STATUSES.get(name)
