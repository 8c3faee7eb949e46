"""Bodies of requests and replies of the Conversations API."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from legato.http.openai.responses.request import Metadata


class ConversationBody(Struct, kw_only=True):
    """`items`: the first items of the conversation, as in `input` of `/v1/responses`."""

    items: list[Any] | None = None
    metadata: Metadata | None = None


class ConversationUpdate(Struct, kw_only=True):
    """`metadata` replaces all former metadata; null removes all."""

    metadata: Metadata | None


class ItemsBody(Struct, kw_only=True):
    items: list[Any]


class ConversationObject(Struct, kw_only=True):
    """`created_at`: seconds since 1970."""

    id: str
    created_at: int
    metadata: Mapping[str, str]
    object: Literal["conversation"] = "conversation"


class ConversationDeleted(Struct, kw_only=True):
    id: str
    object: Literal["conversation.deleted"] = "conversation.deleted"
    deleted: Literal[True] = True


class ItemObject(Struct, kw_only=True):
    """One item: a message, a call, a result, …; the type decides on further fields."""

    id: str
    type: str
