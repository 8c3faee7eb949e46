"""Chooses where a turn is stored: among a conversation's messages, or the responses of an API."""

from legato.actors.conversation.conversation_store import ConversationStore
from legato.actors.conversation.response_store import ResponseStore
from legato.actors.conversation.turn_store import TurnStore
from legato.requests import ApiRequest
from legato.storage.contracts.records import Records


def turn_store(api_request: ApiRequest | None, records: Records) -> TurnStore:
    """`api_request`: the request to an API; None for a turn of a conversation."""
    return (
        ConversationStore(records) if api_request is None else ResponseStore(api_request, records)
    )
