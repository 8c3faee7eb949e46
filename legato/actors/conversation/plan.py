"""A turn's place among the messages of its conversation.  Pure."""

from collections.abc import Collection, Mapping, Sequence

from msgspec import UNSET, Struct, structs

from legato.actors.conversation.turn import Turn
from legato.content import NO_PARENT, ErrorPart, Message, Part, TextPart, ThinkPart
from legato.requests import Edit


class InvalidTurn(Exception):
    """The turn does not fit its conversation.  `field` names the wrong part in the request."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Plan(Struct, frozen=True):
    """A turn as it will run: the message to store, and the kept beginning of the answer."""

    request: Message
    kept: tuple[Part, ...] = ()


def plan(turn: Turn, messages: Sequence[Message], *, expected: Collection[str] = ()) -> Plan:
    """Find a turn's place among its conversation's messages (oldest first).

    `expected` are ids of messages in the making: good parents, though not stored yet.  If such a
    parent never comes, the newest message takes its place.

    Raises:
        InvalidTurn: if the turn names a missing message, or a message of the wrong kind.
    """
    known = {message.message_id: message for message in messages}
    if turn.revise is not None:
        return _revision(turn, known, turn.revise)
    if turn.regenerate is not None:
        return _regeneration(turn, known, turn.regenerate)
    newest = messages[-1].message_id if messages else NO_PARENT
    parent_id = newest if turn.parent_id is None else turn.parent_id
    if parent_id != NO_PARENT and parent_id not in known:
        if parent_id not in expected:
            raise InvalidTurn("parentMessageId", f"no message {parent_id!r} in this conversation")
        parent_id = newest
    return Plan(
        Message(
            message_id=turn.message_id,
            conversation_id=turn.conversation_id,
            parent_message_id=parent_id,
            text=turn.text,
            endpoint=turn.endpoint,
        )
    )


def _regeneration(turn: Turn, known: Mapping[str, Message], message_id: str) -> Plan:
    request = known.get(message_id)
    if request is None or not request.is_created_by_user:
        raise InvalidTurn(
            "overrideParentMessageId", f"no user's message {message_id!r} in this conversation"
        )
    return Plan(structs.replace(request, text=turn.text or request.text))


def _revision(turn: Turn, known: Mapping[str, Message], message_id: str) -> Plan:
    answer = known.get(message_id)
    if answer is None or answer.is_created_by_user:
        raise InvalidTurn("responseMessageId", f"no answer {message_id!r} in this conversation")
    request = known.get(answer.parent_message_id)
    if request is None:
        raise InvalidTurn("responseMessageId", f"the answer {message_id!r} has no question")
    content = answer.content or () if answer.content is not UNSET else (TextPart(answer.text),)
    kept = tuple(part for part in content if not isinstance(part, ErrorPart))
    return Plan(request, kept if turn.edit is None else _edited(kept, turn.edit))


def _edited(parts: tuple[Part, ...], edit: Edit) -> tuple[Part, ...]:
    if not 0 <= edit.index < len(parts):
        raise InvalidTurn(
            "editedContent.index", f"found {edit.index}; the answer has {len(parts)} parts, from 0"
        )
    match parts[edit.index]:
        case TextPart():
            part: Part = TextPart(edit.text)
        case ThinkPart():
            part = ThinkPart(edit.text)
        case other:
            raise InvalidTurn(
                "editedContent.index",
                f"part {edit.index} is a {type(other).__name__}; only text and thoughts are edited",
            )
    return (*parts[: edit.index], part)
