"""Headers of a caller of OpenAI's APIs: our own headers, and the SDKs'."""

from typing import Final

import msgspec
from quart import request

from legato.http.errors import InvalidField
from legato.http.input.bodies import RequestId

CANCEL_HEADER: Final = "X-Legato-Cancel-On-Disconnect"
KEY_HEADER: Final = "Idempotency-Key"
JOB_HEADER: Final = "X-Legato-Job"
CURSOR_HEADER: Final = "X-Legato-Cursor"


def is_bound(given: bool | None) -> bool:
    """Whether the generation is for this client alone, and is stopped when the client leaves.

    `given` is the body's `cancel_on_disconnect`, which counts before the header.  Without both,
    True, or False for a client with an `Idempotency-Key`, which means to come back.

    Raises:
        InvalidField: where the header is neither true nor false.
    """
    if given is not None:
        return given
    said = request.headers.get(CANCEL_HEADER)
    if said is None:
        return KEY_HEADER not in request.headers
    try:
        return msgspec.convert(said.lower(), bool, strict=False)
    except msgspec.ValidationError:
        found = f"found {said!r:.80}"
        raise InvalidField(CANCEL_HEADER, f"{found}; true or false is allowed") from None


def unquoted(key: str) -> str:
    """The key without the quotes in which structured fields spell texts."""
    is_quoted = len(key) > 1 and key[0] == key[-1] == '"'
    return key[1:-1] if is_quoted else key


def request_id(api: str) -> str | None:
    """The caller's id of the request, which is unique only within the API `api`.

    Raises:
        InvalidField: where the header is not a key.
    """
    key = request.headers.get(KEY_HEADER)
    if key is None:
        return None
    key = unquoted(key)
    try:
        # No request of another API has this id: a `clientRequestId` cannot have a slash.
        return f"{api}/{msgspec.convert(key, RequestId)}"
    except msgspec.ValidationError:
        allowed = "1 to 128 letters, digits, colons, underscores and hyphens are allowed"
        raise InvalidField(KEY_HEADER, f"found {key!r:.80}; {allowed}") from None
