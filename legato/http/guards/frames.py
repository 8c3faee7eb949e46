"""Denials in LibreChat's form: 200, and an error among the events of a stream."""

from typing import Any, Final
from uuid import uuid4

import msgspec
from msgspec import Struct, field, json
from quart import Response

from legato.content import NO_PARENT
from legato.http.guards.denials import Denied, NotABrowser, NotModerated
from legato.http.input.bodies import NEW

SENDER: Final = "Agents"


class _Asked(Struct, rename="camel"):
    """Fields of the request that the answer repeats; a field may be missing or of any type."""

    text: Any = ""
    message_id: Any = None
    conversation_id: Any = None
    parent_message_id: Any = None
    override_parent_message_id: Any = field(default=None)


def frames_response(denial: Denied, body: bytes) -> Response:
    """The response without a content type, as in LibreChat."""
    response = Response(frames_of(denial, body), 200, dict(denial.headers))
    del response.headers["Content-Type"]
    return response


def frames_of(denial: Denied, body: bytes) -> bytes:
    if isinstance(denial, NotABrowser):
        return _frame("error", {"message": denial.error})
    question = _question(_asked(body))
    answer = {
        "sender": SENDER,
        "messageId": str(uuid4()),
        "conversationId": question["conversationId"],
        "parentMessageId": question["messageId"],
        "unfinished": False,
        "error": True,
        "final": True,
        "text": _text(denial),
        "isCreatedByUser": False,
    }
    return _frame("message", {"message": question, "created": True}) + _frame("error", answer)


def _text(denial: Denied) -> str:
    if isinstance(denial, NotModerated):
        return "error in moderation check"
    return json.encode(denial.violation).decode()


def _asked(body: bytes) -> _Asked:
    try:
        return json.decode(body.decode(), type=_Asked)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Asked()


def _question(asked: _Asked) -> dict[str, Any]:
    given = asked.conversation_id
    return {
        "sender": "User",
        "messageId": _id(asked.message_id),
        "parentMessageId": asked.parent_message_id or NO_PARENT,
        "conversationId": str(uuid4()) if given == NEW else _id(given),
        "isCreatedByUser": True,
        "text": asked.text,
    }


def _id(given: Any) -> str:
    return given if isinstance(given, str) and given else str(uuid4())


def _frame(name: str, body: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), json.encode(body))
