"""Conversations and their messages, as stored."""

from typing import Final

import trio
from quart import Blueprint, Response, request
from quart_schema import document_request

from legato.content import NEW_CHAT
from legato.http.bodies import NEW, ArgBody
from legato.http.errors import ConversationNotFound, InvalidField, NotFound
from legato.http.wire import body_of, conversation_of, reply, runtime, user

conversations = Blueprint("conversations", __name__, url_prefix="/api")

MAX_PAGE: Final = 100
TITLE_PATIENCE: Final = 15.0  # seconds: about as long as LibreChat's clients wait


@conversations.get("/messages/<conversation_id>")
async def messages(conversation_id: str) -> Response:
    """All messages of a conversation, oldest first."""
    if conversation_id == NEW:
        return reply([])
    await conversation_of(conversation_id)
    return reply(await runtime().records.messages(conversation_id))


@conversations.get("/convos")
async def page() -> Response:
    """Your conversations, last changed first: `limit` (1 to 100) of them, from `cursor` on."""
    given = request.args.get("limit", "25")
    if not (given.isascii() and given.isdigit() and len(given) < 4 and 1 <= int(given) <= MAX_PAGE):
        raise InvalidField("limit", f"found {given!r:.80}; allowed are 1 to {MAX_PAGE}")
    cursor = request.args.get("cursor")
    found = await runtime().records.conversations(user(), limit=int(given), cursor=cursor)
    return reply(found)


@conversations.get("/convos/<conversation_id>")
async def one(conversation_id: str) -> Response:
    return reply(await conversation_of(conversation_id))


@conversations.get("/convos/gen_title/<conversation_id>")
async def title(conversation_id: str) -> Response:
    """The title made after the first answer; waits for one that is in the making."""
    await conversation_of(conversation_id)
    with trio.move_on_after(TITLE_PATIENCE):
        await runtime().supervisor.titles.wait(conversation_id)
    found = (await conversation_of(conversation_id)).title
    if found == NEW_CHAT:
        raise NotFound("Title not found or method not implemented for the conversation's endpoint")
    return reply({"title": found})


@conversations.post("/convos/update")
@document_request(ArgBody)
async def rename() -> Response:
    change = (await body_of(ArgBody)).arg
    name = (change.title or "").strip()
    if not name:
        raise InvalidField("arg.title", "a conversation needs a title")
    conversation = await conversation_of(change.conversation_id)
    renamed = await runtime().records.retitle(conversation.conversation_id, name)
    if renamed is None:
        raise ConversationNotFound("The conversation was deleted meanwhile.")
    return reply(renamed, 201)


@conversations.delete("/convos")
@document_request(ArgBody)
async def delete() -> Response:
    """Delete a conversation; a generation that runs in it is stopped first, properly."""
    conversation_id = (await body_of(ArgBody)).arg.conversation_id
    await conversation_of(conversation_id)
    await runtime().supervisor.close_conversation(conversation_id)
    deleted = await runtime().records.delete_conversation(conversation_id)
    return reply({"acknowledged": True, "deletedCount": int(deleted)}, 201)
