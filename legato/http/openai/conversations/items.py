"""The items of a conversation: list, read, add, remove."""

from typing import Final

from quart import Blueprint, Response
from quart_schema import tag_blueprint
from ulid import ULID

from legato.http.errors import NotFound
from legato.http.openai.conversations.bodies import ConversationObject, ItemObject, ItemsBody
from legato.http.openai.conversations.conversations import PATHS
from legato.http.openai.conversations.entries import (
    change,
    check_idle,
    described,
    entries_of,
    items_read,
)
from legato.http.openai.item_pages import ItemPage, ItemsQuery, page_of, whole_page
from legato.http.openai.responses.input_messages import items_before
from legato.http.openai.responses.inputs import REMOVED
from legato.http.openapi import describe
from legato.http.request_context import body_of, query_of, reply, runtime, user
from legato.storage.contracts.responses import ADDED

_ITEMS: Final = [f"{path}/<name>/items" for path in PATHS]

conversation_items = Blueprint("openai_conversation_items", __name__)
tag_blueprint(conversation_items, ["OpenAI"])


class ItemNotFound(NotFound):
    def __init__(self, item_id: str) -> None:
        super().__init__(f"Item with id {item_id[:80]!r} not found.", param="item_id")


@conversation_items.get(_ITEMS[0])
@conversation_items.get(_ITEMS[1])
@describe(ItemPage, query=ItemsQuery, refusals=(400, 404))
async def page(name: str) -> Response:
    """The items of a conversation: added items, and the input and output of all responses."""
    query = query_of(ItemsQuery)
    return reply(page_of(items_before(await entries_of(name)), query))


@conversation_items.post(_ITEMS[0])
@conversation_items.post(_ITEMS[1])
@describe(ItemPage, body=ItemsBody, refusals=(400, 403, 404, 409, 413))
async def add(name: str) -> Response:
    """Add items at the end.  While a response runs, the answer is 409 `conversation_locked`."""
    body = await body_of(ItemsBody)
    entries = await entries_of(name)
    await check_idle(entries)
    ulid = str(ULID())
    items = await items_read(body.items, ulid, entries)
    if items:
        await runtime().records.responses.open(change(name, ulid, ADDED, items, {}))
    return reply(whole_page(items))


@conversation_items.get(f"{_ITEMS[0]}/<item_id>")
@conversation_items.get(f"{_ITEMS[1]}/<item_id>")
@describe(ItemObject, refusals=(404,))
async def one(name: str, item_id: str) -> Response:
    """One item of a conversation."""
    for item in items_before(await entries_of(name)):
        if item["id"] == item_id:
            return reply(item)
    raise ItemNotFound(item_id)


@conversation_items.delete(f"{_ITEMS[0]}/<item_id>")
@conversation_items.delete(f"{_ITEMS[1]}/<item_id>")
@describe(ConversationObject, refusals=(403, 404))
async def remove(name: str, item_id: str) -> Response:
    """Remove an item from a conversation.  The output of a stored response keeps the item."""
    entries = await entries_of(name)
    if item_id not in (item["id"] for item in items_before(entries)):
        raise ItemNotFound(item_id)
    responses = runtime().records.responses
    for entry in entries:
        if item_id in (item["id"] for item in entry.items):
            await responses.drop_item(user(), entry.response_id, item_id)
            break
    else:
        removed = {"type": REMOVED, "id": item_id}
        await responses.open(change(name, str(ULID()), ADDED, [removed], {}))
    return reply(described(name, entries[0]))
