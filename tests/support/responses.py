"""Jobs that the Responses API asked for, and their frames read as a strict client reads them."""

from collections.abc import Sequence
from typing import Any

import openresponses_types
from msgspec import json
from ulid import ULID

from legato.content import Message
from legato.dialects.contract import Identity
from legato.dialects.responses import ResponsesEncoder
from legato.events import AnyEvent, Created
from legato.requests import ApiRequest

JOB = "01KAZDY800ABCDEFGHJKMNPQRS"
BEGAN = ULID.from_str(JOB).milliseconds // 1000
IDENTITY = Identity(JOB, 1, f"resp_{JOB}", f"resp_{JOB}")
DONE = b"data: [DONE]"

# What the package has a class for, by the word that its `type` allows.
EVENTS = {
    member.value: kind
    for name, kind in vars(openresponses_types).items()
    if name.endswith("StreamingEvent")
    for member in kind.model_fields["type"].annotation
}


def created(**echo: Any) -> Created:
    asked = ApiRequest(api="responses", user="ann", model="m", echo=echo, store=True)
    request = Message(message_id="q", conversation_id=IDENTITY.conversation_id, text="hi")
    return Created(request, IDENTITY.response_id, "m", api_request=asked)


def encoded(events: Sequence[AnyEvent]) -> bytes:
    encoder = ResponsesEncoder(IDENTITY)
    return b"".join(encoder.encode(seq, event) for seq, event in enumerate(events, 1))


def said(stream: bytes) -> list[dict[str, Any]]:
    """The events of a stream, each checked against the specification's types."""
    frames = stream.split(b"\n\n")
    assert frames.pop() == b""
    return [read(frame) for frame in frames if frame != DONE]


def read(frame: bytes) -> dict[str, Any]:
    head, _, data = frame.partition(b"\ndata: ")
    event: dict[str, Any] = json.decode(data)
    assert head == b"event: " + event["type"].encode()
    EVENTS[event["type"]].model_validate(event)
    return event
