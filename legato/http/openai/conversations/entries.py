"""Stored entries of a conversation other than responses, and all items of a conversation."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import ValidationError, convert

from legato.content import Message
from legato.dialects.response_object import PREFIX, began_at
from legato.events import Created
from legato.http.errors import InvalidField, NotFound
from legato.http.openai.conversations.bodies import ConversationObject
from legato.http.openai.responses.chain import MOST_ITEMS, ConversationLocked, conversation_id_of
from legato.http.openai.responses.creation import check_sizes, unsealed
from legato.http.openai.responses.input_items import Name
from legato.http.openai.responses.input_messages import items_before, messages_of
from legato.http.openai.responses.inputs import Item, items_of
from legato.http.openai.responses.lookup import ResponseNotFound, known_response
from legato.http.openai.responses.references import items_referred_to
from legato.http.openai.responses.request import API
from legato.http.request_context import runtime, user
from legato.requests import ApiRequest
from legato.storage.contracts.responses import (
    LARGEST_CHAIN,
    ChainTooLarge,
    StoredResponse,
    is_change,
)

NAME_PREFIX: Final = "conv_"


class UnknownConversation(NotFound):
    def __init__(self, name: str) -> None:
        found = f"Conversation with id {name[:80]!r} not found."
        super().__init__(found, param="conversation_id")


def change(
    name: str, ulid: str, kind: str, items: Sequence[Item], metadata: Mapping[str, str]
) -> StoredResponse:
    """An entry of the conversation `name`; `kind` is BEGUN or ADDED."""
    response_id, conversation_id = f"{PREFIX}{ulid}{kind}", conversation_id_of(name)
    echo: dict[str, Any] = {"metadata": dict(metadata)}
    asked = ApiRequest(api=API, user=user(), model="", echo=echo, store=True)
    request = Message(message_id=response_id, conversation_id=conversation_id)
    return StoredResponse(
        response_id=response_id,
        user=user(),
        conversation_id=conversation_id,
        items=items,
        created=Created(request, response_id, "", api_request=asked),
    )


def check_name(name: str) -> None:
    """Raises UnknownConversation for a name that no conversation can have."""
    try:
        convert(name, Name)
    except ValidationError:
        raise UnknownConversation(name) from None


async def first_of(name: str) -> StoredResponse:
    """The first entry of this user's conversation.  Raises UnknownConversation."""
    check_name(name)
    first = await runtime().records.responses.first(user(), conversation_id_of(name))
    if first is None:
        raise UnknownConversation(name)
    return first


def described(name: str, first: StoredResponse) -> ConversationObject:
    """The object of a conversation, which has no metadata where the first entry is a response."""
    job_id = first.response_id.removeprefix(PREFIX)
    asked = first.created.api_request
    metadata = asked.echo["metadata"] if asked and is_change(first.response_id) else {}
    return ConversationObject(id=name, created_at=began_at(job_id), metadata=metadata)


async def entries_of(name: str) -> Sequence[StoredResponse]:
    """All entries of this user's conversation, the oldest first.

    Raises:
        UnknownConversation
        InvalidField: where the conversation is too large to be read at once.
    """
    check_name(name)
    try:
        found = await runtime().records.responses.conversation(user(), conversation_id_of(name))
    except ChainTooLarge:
        message = f"has too much to be read; {LARGEST_CHAIN} bytes are allowed"
        raise InvalidField("conversation_id", message) from None
    if not found:
        raise UnknownConversation(name)
    return found


async def items_read(
    given: Sequence[Any], ulid: str, before: Sequence[StoredResponse] = ()
) -> list[Item]:
    """Items to be added after the entries `before`, checked as the input of a response.

    Raises:
        InvalidField, TooLarge
    """
    stored = await items_referred_to(given, before)
    earlier = items_before(before)
    try:
        items = items_of(given, ulid, earlier, stored, resent=False)
    except InvalidField as error:  # whose field is called `input`
        raise InvalidField(*_as_items(error)) from None
    if len(earlier) + len(items) > MOST_ITEMS:
        raise InvalidField("items", f"a conversation has {MOST_ITEMS} items at most")
    check_sizes(messages_of(items, unsealed), "items")
    return items


def _as_items(error: InvalidField) -> tuple[str, str]:
    field = str(error.extra["param"])
    message = str(error).removeprefix(f"{field}: ")
    return field.replace("input", "items", 1), message


async def check_idle(entries: Sequence[StoredResponse]) -> None:
    """Raises ConversationLocked while the last response runs, whose output comes first."""
    last = entries[-1]
    if is_change(last.response_id) or last.ending is not None:
        return
    try:
        known = await known_response(last.response_id)
    except ResponseNotFound:
        return
    if known.is_running:
        raise ConversationLocked
