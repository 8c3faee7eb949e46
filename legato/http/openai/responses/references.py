"""Items of other responses that a request refers to by id: any stored item of the same user."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from legato.http.errors import InvalidField
from legato.http.openai.responses.input_messages import items_before
from legato.http.openai.responses.inputs import Item
from legato.http.request_context import runtime, user
from legato.storage.contracts.responses import LARGEST_CHAIN, ChainTooLarge, StoredResponse


async def items_referred_to(given: Any, before: Sequence[StoredResponse]) -> Mapping[str, Item]:
    """The stored items, by id; without the items of `before` and of the input itself.

    Raises:
        InvalidField: where the responses with these items are too large to read.
    """
    named = {*_references(given)} - {item["id"] for item in items_before(before)}
    if not named:
        return {}
    try:
        found = await runtime().records.responses.holding(user(), named)
    except ChainTooLarge:
        most = f"{LARGEST_CHAIN} bytes are allowed"
        raise InvalidField("input", f"refers to responses that are too large; {most}") from None
    items = (item for each in found for item in items_before([each]))
    return {item["id"]: item for item in items if item["id"] in named}


def _references(given: Any) -> Iterator[str]:
    """The ids of references, as far as each is a text; a later check refuses any other id."""
    for item in given if isinstance(given, list) else ():
        if isinstance(item, dict) and item.get("type") in (None, "item_reference"):
            is_reference = "role" not in item or item.get("type") is not None
            if is_reference and isinstance(named := item.get("id"), str):
                yield named
