"""Responses in memory, a part of the records there, gone with the process."""

from collections.abc import Awaitable, Callable, Sequence

from msgspec import json
from msgspec.structs import replace

from legato.events import AnyEnding
from legato.storage.contracts.quotas import UNBOUNDED, Quota, response_use
from legato.storage.contracts.responses import (
    LARGEST_CHAIN,
    LONGEST_CHAIN,
    ChainTooLarge,
    StoredResponse,
)
from legato.storage.memory.quotas import MemoryUse, Row


class MemoryResponses:
    """Responses of MemoryRecords; every method is one checkpoint and then a single step."""

    def __init__(
        self, enter: Callable[..., Awaitable[None]], use: MemoryUse, quota: Quota = UNBOUNDED
    ) -> None:
        """`enter`: the checkpoint, which refuses what cannot be stored.  `use`: the records'."""
        self._enter = enter
        self._use = use
        self._quota = quota
        self._responses: dict[str, StoredResponse] = {}  # in order of arrival

    async def open(self, response: StoredResponse) -> None:
        await self._enter(response)
        is_new = response.response_id not in self._responses
        rows = [_row(response)] if is_new else []
        self._quota.check(self._use.with_put(response.user, *rows), begins=False)
        if is_new:
            self._use.put(response.user, *rows)
            self._responses[response.response_id] = response

    async def close(self, response_id: str, ending: AnyEnding) -> None:
        await self._enter(response_id, ending)
        response = self._responses.get(response_id)
        if response is not None and response.ending is None:
            closed = replace(response, ending=ending)
            self._responses[response_id] = closed
            self._use.put(closed.user, _row(closed))

    async def find(self, user: str, response_id: str) -> StoredResponse | None:
        await self._enter(user, response_id)
        return self._find(user, response_id)

    async def chain(self, user: str, response_id: str) -> Sequence[StoredResponse] | None:
        await self._enter(user, response_id)
        chain: list[StoredResponse] = []
        previous_id: str | None = response_id
        while previous_id is not None:
            response = self._find(user, previous_id)
            if response is None or len(chain) == LONGEST_CHAIN:
                return None
            chain.append(response)
            previous_id = response.previous_id
        _check_size(chain)
        return chain[::-1]

    async def conversation(self, user: str, conversation_id: str) -> Sequence[StoredResponse]:
        await self._enter(user, conversation_id)
        place = user, conversation_id
        found = [each for each in self._responses.values() if _place(each) == place]
        _check_size(found)
        return found

    async def newest(self, user: str, conversation_id: str) -> StoredResponse | None:
        await self._enter(user, conversation_id)
        place = user, conversation_id
        newest_first = reversed(self._responses.values())
        return next((each for each in newest_first if _place(each) == place), None)

    async def delete(self, user: str, response_id: str) -> bool:
        await self._enter(user, response_id)
        if self._find(user, response_id) is None:
            return False
        del self._responses[response_id]
        self._use.remove(("responses", response_id))
        return True

    def all(self) -> list[StoredResponse]:
        return [*self._responses.values()]

    def _find(self, user: str, response_id: str) -> StoredResponse | None:
        response = self._responses.get(response_id)
        return response if response is not None and response.user == user else None


def _check_size(responses: Sequence[StoredResponse]) -> None:
    """Raises ChainTooLarge."""
    kept = ((each.items, each.created, each.ending) for each in responses)
    if sum(len(json.encode(each)) for each in kept) > LARGEST_CHAIN:
        raise ChainTooLarge


def _row(response: StoredResponse) -> Row:
    return ("responses", response.response_id), response_use(response)


def _place(response: StoredResponse) -> tuple[str, str]:
    return response.user, response.conversation_id
