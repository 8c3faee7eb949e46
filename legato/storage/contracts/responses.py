"""What is kept for the Responses API: the contract.

A conversation is a log of entries, in one order of arrival.  Most are responses; what else changes
it is an entry of its own, a `StoredResponse` that nobody asked a model for: its beginning, with
the metadata, and items that were added.  The ends of their ids say so (`BEGUN`, `ADDED`).
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, Protocol

from msgspec import Struct

from legato.events import AnyEnding, Created

LONGEST_CHAIN: Final = 4096
"""Responses that follow one another: of a longer chain no model reads the beginning."""

LARGEST_CHAIN: Final = 8 * 1024 * 1024
"""Bytes of responses that follow one another: all are in memory at once, and few models read so
much."""


class StoredResponse(Struct, frozen=True, kw_only=True):
    """A request to the Responses API and what came of it; `ending` is None while it runs, and of
    a change that is no response.

    `items`: its own input items (JSON objects with ids), not those of the responses before it.
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
    """Whether an entry is no response, but another change of its conversation."""
    return response_id.endswith((BEGUN, ADDED))


_OURS: Final = re.compile(r"_([0-9A-HJKMNP-TV-Z]{26})(_|$)")


def entries_of(item_id: str) -> Sequence[str]:
    """The entries that may have the item, where we named that: by its job and place, `msg_<job>_0`.

    No two of them are there.
    """
    found = _OURS.search(item_id)
    return [f"resp_{found[1]}{end}" for end in ("", BEGUN, ADDED)] if found else ()


def digests(response: StoredResponse) -> Iterator[str]:
    """What is kept of the names that clients gave to its items."""
    for item in response.items:
        if response.response_id not in entries_of(item["id"]):
            yield digest_of(item["id"])


def digest_of(item_id: str) -> str:
    """Make a key of fixed length from the id of an item."""
    return sha256(item_id.encode()).hexdigest()


class ChainTooLarge(Exception):
    """What is to be gone on from has more than LARGEST_CHAIN bytes."""


class Responses(Protocol):
    """Responses that are kept, each its user's alone: of another's there is no trace.

    Errors and cancelling are as with Records, whose part this is.
    """

    async def open(self, response: StoredResponse) -> None:
        """Keep a new one.  The same once more changes nothing.

        Raises:
            OverQuota: if this user has no room for it; then nothing is kept.
        """
        ...

    async def close(self, response_id: str, ending: AnyEnding) -> None:
        """Note its ending; the first stays.  Nothing where it is gone."""
        ...

    async def find(self, user: str, response_id: str) -> StoredResponse | None: ...

    async def chain(self, user: str, response_id: str) -> Sequence[StoredResponse] | None:
        """It and all before it along `previous_id`, the oldest first.

        None where one is gone, and where there are more than LONGEST_CHAIN.

        Raises:
            ChainTooLarge
        """
        ...

    async def holding(self, user: str, item_ids: Collection[str]) -> Sequence[StoredResponse]:
        """Find the entries that hold one of these items, in order of arrival.

        Raises:
            ChainTooLarge: where they have more than LARGEST_CHAIN bytes together.
        """
        ...

    async def conversation(self, user: str, conversation_id: str) -> Sequence[StoredResponse]:
        """In order of arrival.

        Raises:
            ChainTooLarge
        """
        ...

    async def first(self, user: str, conversation_id: str) -> StoredResponse | None:
        """The first entry of that order."""
        ...

    async def rewrite(self, response: StoredResponse) -> bool:
        """Put what was created in place of what its entry has; False where that is gone."""
        ...

    async def drop_item(self, user: str, response_id: str, item_id: str) -> bool:
        """Remove an item of those that an entry brought; False where there is none."""
        ...

    async def delete_some(self, user: str, conversation_id: str, *, most: int) -> int:
        """Remove up to `most` entries of a conversation, the oldest first; how many that were."""
        ...

    async def newest(self, user: str, conversation_id: str) -> StoredResponse | None:
        """The last of that order."""
        ...

    async def delete(self, user: str, response_id: str) -> bool:
        """False where there was none."""
        ...
