"""Conversations and their messages, as stored."""

from typing import Final

import trio
from quart import Blueprint, Response
from quart_schema import tag_blueprint

from legato.actors.jobs import remove_conversation
from legato.actors.notices.notice import Notice
from legato.content import NEW_CHAT, Conversation, Message
from legato.http.clock import milliseconds
from legato.http.errors import ConversationNotFound, InvalidField, NotFound
from legato.http.input.bodies import (
    MOST_MESSAGES,
    NEW,
    ArgBody,
    ConversationsQuery,
    MessagesQuery,
)
from legato.http.openapi import describe
from legato.http.replies import DeleteReply, TitleReply
from legato.http.request_context import body_of, conversation_of, query_of, reply, runtime, user
from legato.search.words import terms_of
from legato.storage.contracts.records import MessagePage, Page

conversations = Blueprint("conversations", __name__, url_prefix="/api")
tag_blueprint(conversations, ["conversations"])

TITLE_PATIENCE: Final = 15.0  # seconds: about as long as LibreChat's clients wait


NEXT_HEADER: Final = "X-Legato-Next-Cursor"

MOST_CHARACTERS: Final = 2 * 1024 * 1024
"""Characters in the messages of one reply: a long book, whose JSON takes some 10 ms to write."""


@conversations.get("/messages/<conversation_id>")
@describe(list[Message] | MessagePage, query=MessagesQuery, refusals=(400, 403, 404))
async def messages(conversation_id: str) -> Response:
    """The newest messages of a conversation, oldest first; with `limit` or `cursor`, as a page.

    Where older messages did not fit, `X-Legato-Next-Cursor` has the cursor of the page before.
    """
    query = query_of(MessagesQuery)
    if conversation_id == NEW:
        return reply([])
    page = await _page_of(await conversation_of(conversation_id), query)
    is_plain = query.limit is None and query.cursor is None
    response = reply(page.messages if is_plain else page)
    if page.next_cursor is not None:
        response.headers[NEXT_HEADER] = page.next_cursor
    return response


async def _page_of(conversation: Conversation, query: MessagesQuery) -> MessagePage:
    return await runtime().records.message_page(
        conversation.conversation_id,
        limit=query.limit or MOST_MESSAGES,
        most=MOST_CHARACTERS,
        cursor=query.cursor,
    )


@conversations.get("/convos")
@describe(Page, query=ConversationsQuery, refusals=(400,))
async def page() -> Response:
    """Your conversations, or those found by the words of their title, last changed first."""
    query = query_of(ConversationsQuery)
    terms = terms_of(query.search) if query.search else None
    found = await runtime().records.conversations(
        user(), limit=query.limit, cursor=query.cursor, terms=terms
    )
    return reply(found)


@conversations.get("/convos/<conversation_id>")
@describe(Conversation, refusals=(403, 404))
async def one(conversation_id: str) -> Response:
    """One conversation, without its messages."""
    return reply(await conversation_of(conversation_id))


@conversations.get("/convos/gen_title/<conversation_id>")
@describe(TitleReply, refusals=(403, 404))
async def title(conversation_id: str) -> Response:
    """The title made after the first answer; a title in the making is waited for."""
    conversation_id = (await conversation_of(conversation_id)).conversation_id
    with trio.move_on_after(TITLE_PATIENCE):
        await runtime().jobs.titled(user(), conversation_id)
    found = (await conversation_of(conversation_id)).title
    if found == NEW_CHAT:
        raise NotFound("Title not found or method not implemented for the conversation's endpoint")
    return reply(TitleReply(found))


@conversations.post("/convos/update")
@describe(Conversation, 201, body=ArgBody, refusals=(400, 403, 404))
async def rename() -> Response:
    """Give a conversation another title."""
    change = (await body_of(ArgBody)).arg
    name = (change.title or "").strip()
    if not name:
        raise InvalidField("arg.title", "a conversation needs a title")
    conversation = await conversation_of(change.conversation_id)
    renamed = await runtime().records.retitle(conversation.conversation_id, name)
    if renamed is None:
        raise ConversationNotFound("The conversation was deleted meanwhile.")
    runtime().supervisor.notices.post(Notice.renamed(renamed, milliseconds()))
    return reply(renamed, 201)


@conversations.delete("/convos")
@describe(DeleteReply, 201, body=ArgBody, refusals=(400, 403, 404))
async def delete() -> Response:
    """Delete a conversation; a generation that runs there is stopped first, properly."""
    change = (await body_of(ArgBody)).arg
    conversation_id = (await conversation_of(change.conversation_id)).conversation_id
    deleted = False

    async def remove() -> None:
        nonlocal deleted
        deleted = await runtime().records.delete_conversation(conversation_id) or deleted

    await remove_conversation(runtime().jobs, user(), conversation_id, remove)
    runtime().supervisor.notices.post(Notice.deleted(user(), conversation_id, milliseconds()))
    return reply(DeleteReply(True, int(deleted)), 201)
