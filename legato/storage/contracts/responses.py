"""The contract for stored responses of the Responses API.

A conversation is a log of entries, in order of arrival.  Most entries are responses; every other
change of a conversation is an entry, too: a `StoredResponse` without a model's answer, for the
beginning with its metadata, and for added items.  Such an entry's id ends with `BEGUN` or `ADDED`.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, Protocol

from msgspec import Struct

from legato.events import AnyEnding, Created

LONGEST_CHAIN: Final = 4096
"""Responses in a chain of `previous_id`: no model reads the beginning of a longer chain."""

LARGEST_CHAIN: Final = 8 * 1024 * 1024
"""Bytes of the responses in a chain: all of a chain is in memory at once, and few models read as
much."""


class StoredResponse(Struct, frozen=True, kw_only=True):
    """A request to the Responses API and the outcome.

    `ending` is None while the response runs, and always in a change without a response.
    `items`: the input items of this request alone (JSON objects with ids), without earlier items.
    """

    response_id: str
    user: str
    conversation_id: str
    previous_id: str | None = None
    items: Sequence[Mapping[str, Any]] = ()
    created: Created
    ending: AnyEnding | None = None


BEGUN: Final = "_begun"
ADDED: Final = "_added"


def is_change(response_id: str) -> bool:
    """Whether an entry is a change of its conversation without a response."""
    return response_id.endswith((BEGUN, ADDED))


_OURS: Final = re.compile(r"_([0-9A-HJKMNP-TV-Z]{26})(_|$)")


def entries_of(item_id: str) -> Sequence[str]:
    """The ids of entries that may hold an item whose id Legato made from job and place.

    The id `msg_<job>_0` leads to three ids, of which only one is in use.
    """
    found = _OURS.search(item_id)
    return [f"resp_{found[1]}{end}" for end in ("", BEGUN, ADDED)] if found else ()


def digests(response: StoredResponse) -> Iterator[str]:
    """Digests of the item ids that clients made."""
    for item in response.items:
        if response.response_id not in entries_of(item["id"]):
            yield digest_of(item["id"])


def digest_of(item_id: str) -> str:
    """A key of fixed length for an item id of any length."""
    return sha256(item_id.encode()).hexdigest()


class ChainTooLarge(Exception):
    """The responses to be continued have more than LARGEST_CHAIN bytes."""


class Responses(Protocol):
    """Stored responses, each visible to its own user only; other users find nothing.

    Responses are a part of Records: errors and cancelling are the same.
    """

    async def open(self, response: StoredResponse, *, decides: Collection[str] = ()) -> None:
        """Keep a new response; the same response once more changes nothing.

        `decides`: the requests for leave on which the response has the decision.

        Raises, and keeps nothing:
            OverQuota: if this user has no room for the response.
            DecidedBefore: if another response has the decision on a request.
        """
        ...

    async def decide(self, user: str, response_id: str, requests: Collection[str]) -> None:
        """Note decisions as `open` does, for a response that is not kept.

        Raises, and notes nothing:
            DecidedBefore: if another response has the decision on a request.
        """
        ...

    async def close(self, response_id: str, ending: AnyEnding) -> None:
        """Note a response's ending, if the response is there; the first ending stays."""
        ...

    async def find(self, user: str, response_id: str) -> StoredResponse | None: ...

    async def chain(self, user: str, response_id: str) -> Sequence[StoredResponse] | None:
        """A response and all responses before along `previous_id`, the oldest first.

        None where a response is gone, and where there are more than LONGEST_CHAIN.

        Raises:
            ChainTooLarge
        """
        ...

    async def holding(self, user: str, item_ids: Collection[str]) -> Sequence[StoredResponse]:
        """The entries that hold one of these items, also by a client's id, in order of arrival.

        Raises:
            ChainTooLarge: where the entries have more than LARGEST_CHAIN bytes together.
        """
        ...

    async def conversation(self, user: str, conversation_id: str) -> Sequence[StoredResponse]:
        """All responses of a conversation, in order of arrival.

        Raises:
            ChainTooLarge
        """
        ...

    async def first(self, user: str, conversation_id: str) -> StoredResponse | None:
        """The conversation's entry that arrived first."""
        ...

    async def rewrite(self, response: StoredResponse) -> bool:
        """Replace an entry's `created`; False where the entry is gone."""
        ...

    async def drop_item(self, user: str, response_id: str, item_id: str) -> bool:
        """Remove an item from its entry; False where there is no such item."""
        ...

    async def delete_some(self, user: str, conversation_id: str, *, most: int) -> int:
        """Remove up to `most` entries of a conversation, the oldest first, and return how many."""
        ...

    async def newest(self, user: str, conversation_id: str) -> StoredResponse | None:
        """The response of a conversation with the latest arrival."""
        ...

    async def delete(self, user: str, response_id: str) -> bool:
        """Delete a response; False where there was none."""
        ...
