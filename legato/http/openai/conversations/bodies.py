"""What clients of the Conversations API send and get."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from legato.http.openai.responses.request import Metadata


class ConversationBody(Struct, kw_only=True):
    """`items`: what the conversation begins with, as in `input` of `/v1/responses`."""

    items: list[Any] | None = None
    metadata: Metadata | None = None


class ConversationUpdate(Struct, kw_only=True):
    """`metadata` takes the place of all that was there; null is none."""

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
    """One item: a message, a call, its result, …; what it has besides is its type's."""

    id: str
    type: str
