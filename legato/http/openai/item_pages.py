"""Items of a response or a conversation, page by page."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from legato.http.errors import InvalidField

Item = Mapping[str, Any]


class ItemsQuery(Struct):
    limit: Annotated[int, Meta(ge=1, le=100, description="How many at most.")] = 20
    order: Annotated[Literal["asc", "desc"], Meta(description="The newest first, or last.")] = (
        "desc"
    )
    after: Annotated[str | None, Meta(description="The id of the item before the page.")] = None


class ItemPage(Struct, kw_only=True):
    data: Sequence[Item]
    first_id: str | None
    last_id: str | None
    has_more: bool
    object: Literal["list"] = "list"


def page_of(items: Sequence[Item], query: ItemsQuery) -> ItemPage:
    """The page that `query` asks for; `items` are all items, the oldest first.

    Raises:
        InvalidField: where no item has the id `query.after`.
    """
    ordered = list(items) if query.order == "asc" else list(reversed(items))
    if query.after is not None:
        ids = [item["id"] for item in ordered]
        if query.after not in ids:
            raise InvalidField("after", f"found {query.after!r:.80}; no item here has that id")
        ordered = ordered[ids.index(query.after) + 1 :]
    page = ordered[: query.limit]
    return whole_page(page, has_more=len(ordered) > len(page))


def whole_page(items: Sequence[Item], *, has_more: bool = False) -> ItemPage:
    first, last = (items[0]["id"], items[-1]["id"]) if items else (None, None)
    return ItemPage(data=items, first_id=first, last_id=last, has_more=has_more)
