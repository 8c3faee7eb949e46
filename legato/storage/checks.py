"""Checks before a write: texts that no database could store are refused.

A str may hold half of a surrogate pair (an emoji that a provider cut in two).  UTF-8, and with
UTF-8 every database and the wire, has no form for half a pair.  A replacement would change a text
silently, and an escape would make a record that no reply can carry; therefore half a pair is
refused by name.  All other text is kept, NUL included (in SQLite and memory; PostgreSQL refuses NUL
itself).
"""

from typing import Final

from msgspec import MsgspecError, json

from legato.content import Conversation, Message
from legato.storage.contracts.errors import UnstorableText

_ENCODER: Final = json.Encoder()


def json_of(value: object) -> bytes:
    """The JSON in which structs are kept.

    Raises:
        UnstorableText: if `value` has no form in JSON, half of a surrogate pair above all.
    """
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError as error:
        raise unstorable(error) from None
    # All errors of msgspec, also for an integer of 5,000 digits: the next try would fail as well.
    except (MsgspecError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise UnstorableText(f"That cannot be stored: {error}.") from error


def require_unicode(*values: object) -> None:
    """Raises UnstorableText where a text in `values` (structs, too) is not Unicode."""
    json_of(values)


def unstorable(error: UnicodeEncodeError) -> UnstorableText:
    # The text itself is the user's and stays out of messages and logs.
    found = f"U+{ord(error.object[error.start]):04X} at character {error.start}"
    return UnstorableText(f"A text must be Unicode to be stored; found a lone surrogate, {found}.")


def require_together(conversation: Conversation, message: Message) -> None:
    if message.conversation_id != conversation.conversation_id:
        raise ValueError(
            f"A turn's message must be of its conversation {conversation.conversation_id};"
            f" found one of {message.conversation_id}"
        )


def require_limit(limit: int) -> None:
    if limit < 1:
        raise ValueError(f"`limit` must be 1 or more; found {limit}")
