"""Cursors of conversation lists: where the last page ended, in an opaque text."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final, NoReturn

import msgspec
from msgspec import Meta, Struct

from legato.content import Conversation, Message, TextPart
from legato.storage.clock import microseconds
from legato.storage.contracts.errors import InvalidCursor

MAX_CURSOR: Final = 4096
"""Characters.  A UUID's cursor has about 100; no cursor of ours has forty times as many."""


class Position(Struct, frozen=True, forbid_unknown_fields=True):
    """A place among a user's conversations: `updated_at` (µs, falling), then id (rising)."""

    primary: Annotated[int, Meta(ge=-(2**62), le=2**62)]  # the range of the databases' integers
    secondary: str

    def order(self) -> tuple[int, str]:
        """The key to sort by: the first position of a page is the least."""
        return -self.primary, self.secondary


def position_of(conversation: Conversation) -> Position:
    assert isinstance(conversation.updated_at, datetime), "a stored conversation has it"
    return Position(microseconds(conversation.updated_at), conversation.conversation_id)


def encode_cursor(position: Position) -> str:
    return urlsafe_b64encode(msgspec.json.encode(position)).rstrip(b"=").decode()


def decode_cursor(cursor: str) -> Position:
    """Raises InvalidCursor where `cursor` is not what `encode_cursor` makes."""
    if len(cursor) > MAX_CURSOR:
        _refuse(f"{len(cursor)} characters")
    try:
        json = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        position = msgspec.json.decode(json, type=Position)
    except (UnicodeError, binascii.Error, msgspec.MsgspecError):
        _refuse(ascii(cursor[:60]))
    if encode_cursor(position) != cursor:  # base64 and JSON forgive a lot: we do not
        _refuse(ascii(cursor[:60]))
    return position


FOUND: Final = ""
"""Stands for the list of found messages in a cursor, where a conversation's id stands otherwise."""


def decode_place(cursor: str, conversation_id: str) -> int:
    """The position of a message, before which a page ends.

    `conversation_id`: of the conversation whose messages are paged, or FOUND.

    Raises:
        InvalidCursor: where no page of this list carried `cursor`.
    """
    position = decode_cursor(cursor)
    if position.secondary != conversation_id:
        _refuse("one of another list")
    return position.primary


def cut(sized: Sequence[tuple[int, int]], limit: int, most: int) -> int:
    """How many fit a page, of messages by their positions and characters, the newest first."""
    fitting = 0
    for _, size in sized[:limit]:
        most -= size
        if most < 0 and fitting:
            break
        fitting += 1
    return fitting


def place_before(
    conversation_id: str, sized: Sequence[tuple[int, int]], fitting: int
) -> str | None:
    """The cursor of the next page, where there is a next page."""
    if fitting == len(sized):
        return None
    return encode_cursor(Position(sized[fitting - 1][0], conversation_id))


def characters(message: Message) -> int:
    """About the characters that a message takes of a page."""
    content = message.content or ()
    return len(message.text) + sum(len(part.text) for part in content if isinstance(part, TextPart))


def cursor_after(found: Sequence[Conversation], limit: int) -> str | None:
    """The cursor of the next page, where `found` has more than the `limit` of this page."""
    return encode_cursor(position_of(found[limit - 1])) if len(found) > limit else None


def _refuse(found: str) -> NoReturn:
    raise InvalidCursor(
        f"`cursor` must be the nextCursor of a page of the same list, unchanged; found {found}"
    ) from None
