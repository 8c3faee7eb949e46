"""The messages of a client over a WebSocket."""

from typing import Any, Final

from legato.http.errors import InvalidField
from legato.http.gate import let_in_message
from legato.http.openai.responses.request import ResponseBody
from legato.http.request_context import json_of

CREATE: Final = "response.create"


async def pass_guards(message: bytes) -> None:
    """Judge the message as a request with the same body; the credentials may have expired by now.

    Raises:
        MissingKey, Unauthorized, InsufficientScope, Denied
    """

    async def read() -> bytes:
        return message

    await let_in_message(read)


async def request_in(message: bytes) -> ResponseBody:
    """Raises MalformedJson, InvalidField.

    `stream` and `stream_options` are ignored on a WebSocket, because many clients always send both.
    """
    given = await json_of(message, dict[str, Any])
    if given.get("type") != CREATE:
        allowed = f"only {CREATE} and response.steer are allowed"
        raise InvalidField("type", f"found {given.get('type')!r:.80}; {allowed}")
    if not isinstance(given.get("stream_id"), str | None):
        raise InvalidField("stream_id", "is not a text")
    body = await json_of(message, ResponseBody)
    if body.background:
        raise InvalidField("background", "found true; over a WebSocket a response is followed")
    return body
