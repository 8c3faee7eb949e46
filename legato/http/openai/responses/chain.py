"""The responses before a response: the chain, or the conversation so far."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import json
from msgspec.structs import replace

from legato.http.errors import InvalidField, RequestError
from legato.http.openai.responses.lookup import ResponseNotFound, known_response
from legato.http.openai.responses.request import ConversationName, ResponseBody
from legato.http.request_context import runtime, user
from legato.storage.contracts.responses import (
    LARGEST_CHAIN,
    ChainTooLarge,
    StoredResponse,
    is_change,
)

OVERTAKEN: Final = "invalid_turn"
"""The reason of a failure where the conversation went on between a response's reading of the
conversation and the response's beginning."""

MOST_ITEMS: Final = 4096
"""Items in all inputs and answers of a chain: each takes some 10 µs on the way to a model."""

Chains = Mapping[str, Sequence[StoredResponse]]
"""The chains that a WebSocket remembers: by a response's id the response and all before; empty
where a chain is too large to go on from."""


class PreviousNotFound(RequestError):
    def __init__(self, response_id: str) -> None:
        super().__init__(
            f"Previous response with id {response_id[:80]!r} not found.",
            param="previous_response_id",
            code="previous_response_not_found",
        )


class ConversationLocked(RequestError):
    status = 409

    def __init__(self) -> None:
        super().__init__(
            "Another response of that conversation is running, or came first; wait for its end.",
            param="conversation",
            code="conversation_locked",
        )


async def responses_before(body: ResponseBody, chains: Chains) -> Sequence[StoredResponse]:
    """The responses that a request follows, the oldest first.

    Raises:
        InvalidField, PreviousNotFound
    """
    try:
        chain = await _before(body, chains)
        if count_items(chain) > MOST_ITEMS:
            raise ChainTooLarge
        return chain
    except ChainTooLarge:
        field = "conversation" if body.previous_response_id is None else "previous_response_id"
        most = f"{LARGEST_CHAIN} bytes are allowed, and {MOST_ITEMS} items"
        raise InvalidField(field, f"names too much to go on from; {most}") from None


async def _before(body: ResponseBody, chains: Chains) -> Sequence[StoredResponse]:
    responses = runtime().records.responses
    if (previous := body.previous_response_id) is not None:
        if is_change(previous):
            raise PreviousNotFound(previous)
        chain = chains.get(previous)
        if chain is None:
            chain = await responses.chain(user(), previous)
        if chain is None:
            raise PreviousNotFound(previous)
        if not chain:
            raise ChainTooLarge
        return (*chain[:-1], await _ended(chain[-1]))
    if body.conversation is not None:
        entries = await responses.conversation(user(), conversation_id_of(body.conversation))
        return (*entries[:-1], *[await _as_said(each) for each in entries[-1:]])
    return ()


async def _ended(response: StoredResponse) -> StoredResponse:
    """The response with its ending, which the storage may get later than readers do, or never.

    Raises:
        InvalidField: while the response runs.
    """
    if response.ending is not None:
        return response
    try:
        ending = (await known_response(response.response_id)).ending
    except ResponseNotFound:
        raise PreviousNotFound(response.response_id) from None
    if ending is None:
        raise InvalidField("previous_response_id", "names a response that is still running")
    return replace(response, ending=ending)


async def _as_said(entry: StoredResponse) -> StoredResponse:
    """The last entry of a conversation, with an ending that is said and not stored.

    An ending that was stored since the reading is left out: whoever reads again has the ending.
    """
    if entry.ending is not None or is_change(entry.response_id):
        return entry
    try:
        known = await known_response(entry.response_id)
    except ResponseNotFound:
        return entry  # deleted meanwhile
    is_stored = known.stored is not None and known.stored.ending is not None
    return entry if is_stored else replace(entry, ending=known.ending)


def remembered(chain: Sequence[StoredResponse]) -> Sequence[StoredResponse]:
    """The chain for a connection to keep; empty where the chain is too large to go on from."""
    size = sum(len(json.encode(each)) for each in chain)
    fits = size <= LARGEST_CHAIN and count_items(chain) <= MOST_ITEMS
    return chain if fits else ()


def count_items(chain: Sequence[StoredResponse]) -> int:
    return sum(len(each.items) + 1 for each in chain)


def conversation_id_of(given: ConversationName | str) -> str:
    """The stored id of a conversation: user and name, because users may choose equal names."""
    name = given.id if isinstance(given, ConversationName) else given
    return f"{user()}/{name}"
