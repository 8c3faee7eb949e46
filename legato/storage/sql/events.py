"""The form in which events are kept in SQL: a JSON array, as msgspec writes events."""

from collections.abc import Sequence
from typing import Final

from msgspec import ValidationError, json

from legato.events import AnyEvent
from legato.storage.checks import json_of

VERSION: Final = 1
"""The version of this form."""

_DECODER: Final = json.Decoder(tuple[AnyEvent, ...])


def encoded(events: Sequence[AnyEvent]) -> bytes:
    """Raises UnstorableText where an event cannot be kept."""
    return json_of(events)


def decoded(events: bytes, version: int) -> tuple[AnyEvent, ...]:
    """Raises MsgspecError where this version of Legato cannot read the events."""
    if version != VERSION:
        raise ValidationError(f"they are of form {version}; this version of Legato knows {VERSION}")
    return _DECODER.decode(events)
