"""Search in the texts of all conversations of a user."""

from collections.abc import Sequence
from typing import Final

import trio
from quart import Blueprint, Response
from quart_schema import tag_blueprint

from legato.content import text_of
from legato.http.input.bodies import MessageQuery
from legato.http.openapi import describe
from legato.http.replies import FoundMessageReply, FoundReply
from legato.http.request_context import query_of, reply, runtime, user
from legato.search.excerpts import excerpt_of
from legato.search.words import Term, terms_of
from legato.storage.contracts.records import FoundMessage

search = Blueprint("search", __name__, url_prefix="/api")
tag_blueprint(search, ["conversations"])

MOST_CHARACTERS: Final = 2 * 1024 * 1024
"""Characters of the messages that a request has read, of which a reply has some lines each."""


@search.get("/messages")
@describe(FoundReply, query=MessageQuery, refusals=(400,))
async def found() -> Response:
    """Your messages that have all words of `search`, the newest first, page by page.

    A word counts as the beginning of a word, without case and accents; all signs between words are
    ignored.
    """
    query = query_of(MessageQuery)
    terms = terms_of(query.search)
    page = await runtime().records.found_messages(
        user(), terms, limit=query.limit, most=MOST_CHARACTERS, cursor=query.cursor
    )
    shown = []
    for each in page.found:
        shown.append(_shown(each, terms))
        await trio.lowlevel.checkpoint()  # a long message takes some milliseconds
    return reply(FoundReply(shown, page.next_cursor))


@search.get("/search/enable")
@describe(bool)
async def enabled() -> Response:
    """Whether there is a search: always."""
    return reply(True)


def _shown(found: FoundMessage, terms: Sequence[Term]) -> FoundMessageReply:
    message, pieces = found.message, excerpt_of(text_of(found.message), terms)
    return FoundMessageReply(
        message_id=message.message_id,
        conversation_id=message.conversation_id,
        title=found.title,
        sender=message.sender,
        model=message.model,
        is_created_by_user=message.is_created_by_user,
        created_at=message.created_at,
        text="".join(piece.text for piece in pieces),
        excerpt=pieces,
    )
