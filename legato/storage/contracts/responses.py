"""The contract for stored responses of the Responses API."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from msgspec import Struct

from legato.events import AnyEnding, Created

LONGEST_CHAIN: Final = 4096
"""Responses in a chain of `previous_id`: no model reads the beginning of a longer chain."""

LARGEST_CHAIN: Final = 8 * 1024 * 1024
"""Bytes of the responses in a chain: all of a chain is in memory at once, and few models read as
much."""


class StoredResponse(Struct, frozen=True, kw_only=True):
    """A request to the Responses API and the outcome; `ending` is None while the response runs.

    `items`: the input items of this request alone (JSON objects with ids), without earlier items.
    """

    response_id: str
    user: str
    conversation_id: str
    previous_id: str | None = None
    items: Sequence[Mapping[str, Any]] = ()
    created: Created
    ending: AnyEnding | None = None


class ChainTooLarge(Exception):
    """The responses to be continued have more than LARGEST_CHAIN bytes."""


class Responses(Protocol):
    """Stored responses, each visible to its own user only; other users find nothing.

    Responses are a part of Records: errors and cancelling are the same.
    """

    async def open(self, response: StoredResponse) -> None:
        """Keep a new response; the same response once more changes nothing.

        Raises:
            OverQuota: if this user has no room for the response; then nothing is kept.
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

    async def conversation(self, user: str, conversation_id: str) -> Sequence[StoredResponse]:
        """All responses of a conversation, in order of arrival.

        Raises:
            ChainTooLarge
        """
        ...

    async def newest(self, user: str, conversation_id: str) -> StoredResponse | None:
        """The response of a conversation with the latest arrival."""
        ...

    async def delete(self, user: str, response_id: str) -> bool:
        """Delete a response; False where there was none."""
        ...
