"""Conversations of the Responses API: create, read, change, delete."""

from typing import Final

from msgspec.structs import replace
from quart import Blueprint, Response
from quart_schema import tag_blueprint
from ulid import ULID

from legato.actors.jobs import remove_conversation
from legato.http.errors import InvalidField
from legato.http.openai.conversations.bodies import (
    ConversationBody,
    ConversationDeleted,
    ConversationObject,
    ConversationUpdate,
)
from legato.http.openai.conversations.entries import (
    NAME_PREFIX,
    UnknownConversation,
    change,
    described,
    first_of,
    items_read,
)
from legato.http.openai.responses.chain import conversation_id_of
from legato.http.openapi import describe
from legato.http.request_context import body_of, reply, runtime, user
from legato.storage.contracts.responses import BEGUN, is_change

PATHS: Final = ("/v1/conversations", "/api/agents/v1/conversations")

STEP: Final = 16
"""Entries that are deleted in one step, with other writers between: an entry may have megabytes."""

conversations = Blueprint("openai_conversations", __name__)
tag_blueprint(conversations, ["OpenAI"])


@conversations.post(PATHS[0])
@conversations.post(PATHS[1])
@describe(ConversationObject, body=ConversationBody, refusals=(400, 403, 413))
async def create() -> Response:
    """Create a conversation, empty or with items, for `conversation` of `/v1/responses`."""
    body = await body_of(ConversationBody)
    ulid = str(ULID())
    name = NAME_PREFIX + ulid
    items = await items_read(body.items or (), ulid)
    begun = change(name, ulid, BEGUN, items, body.metadata or {})
    await runtime().records.responses.open(begun)
    return reply(described(name, begun))


@conversations.get(f"{PATHS[0]}/<name>")
@conversations.get(f"{PATHS[1]}/<name>")
@describe(ConversationObject, refusals=(404,))
async def retrieve(name: str) -> Response:
    """A conversation, without the items."""
    return reply(described(name, await first_of(name)))


@conversations.post(f"{PATHS[0]}/<name>")
@conversations.post(f"{PATHS[1]}/<name>")
@describe(ConversationObject, body=ConversationUpdate, refusals=(400, 404))
async def update(name: str) -> Response:
    """Give a conversation other metadata."""
    body = await body_of(ConversationUpdate)
    first = await first_of(name)
    asked = first.created.api_request
    if asked is None or not is_change(first.response_id):
        began = "this conversation began with a response; one that was created has metadata"
        raise InvalidField("metadata", began)
    asked = replace(asked, echo={"metadata": body.metadata or {}})
    changed = replace(first, created=replace(first.created, api_request=asked))
    if not await runtime().records.responses.rewrite(changed):
        raise UnknownConversation(name)
    return reply(described(name, changed))


@conversations.delete(f"{PATHS[0]}/<name>")
@conversations.delete(f"{PATHS[1]}/<name>")
@describe(ConversationDeleted, refusals=(404,))
async def delete(name: str) -> Response:
    """Stop a conversation's running response, and delete the conversation with all responses."""
    await first_of(name)
    conversation_id = conversation_id_of(name)

    async def remove() -> None:
        while await runtime().records.responses.delete_some(user(), conversation_id, most=STEP):
            pass

    await remove_conversation(runtime().jobs, user(), conversation_id, remove)
    return reply(ConversationDeleted(id=name))
