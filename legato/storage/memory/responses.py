"""Responses in memory, a part of the records there, gone with the process."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Sequence

from msgspec import json
from msgspec.structs import replace

from legato.events import AnyEnding
from legato.storage.contracts.errors import DecidedBefore
from legato.storage.contracts.quotas import UNBOUNDED, Quota, response_use
from legato.storage.contracts.responses import (
    LARGEST_CHAIN,
    LONGEST_CHAIN,
    ChainTooLarge,
    StoredResponse,
    digest_of,
    digests,
    entries_of,
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
        self._decisions: dict[tuple[str, str], str] = {}  # by the user and the request for leave
        self._named: defaultdict[str, set[str]] = defaultdict(set)  # by the digests of items' names

    async def open(self, response: StoredResponse, *, decides: Collection[str] = ()) -> None:
        await self._enter(response, decides)
        self._check_decisions(response.user, response.response_id, decides)
        is_new = response.response_id not in self._responses
        rows = [_row(response)] if is_new else []
        self._quota.check(self._use.with_put(response.user, *rows), begins=False)
        if is_new:
            self._put(response)
        self._note_decisions(response.user, response.response_id, decides)

    async def decide(self, user: str, response_id: str, requests: Collection[str]) -> None:
        await self._enter(user, response_id, requests)
        self._check_decisions(user, response_id, requests)
        self._note_decisions(user, response_id, requests)

    def _check_decisions(self, user: str, response_id: str, requests: Collection[str]) -> None:
        """Raises DecidedBefore."""
        for request_id in requests:
            if self._decisions.get((user, request_id), response_id) != response_id:
                raise DecidedBefore(request_id, self._decisions[user, request_id])

    def _note_decisions(self, user: str, response_id: str, requests: Collection[str]) -> None:
        self._decisions |= {(user, request_id): response_id for request_id in requests}

    def forget_decisions(self, *, user: str | None = None, before: str = "") -> None:
        """Remove a user's decisions, and all on requests with ids less than `before`."""
        kept = [key for key in self._decisions if key[0] != user and key[1] >= before]
        self._decisions = {key: self._decisions[key] for key in kept}

    async def close(self, response_id: str, ending: AnyEnding) -> None:
        await self._enter(response_id, ending)
        response = self._responses.get(response_id)
        if response is not None and response.ending is None:
            self._put(replace(response, ending=ending))

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

    async def holding(self, user: str, item_ids: Collection[str]) -> Sequence[StoredResponse]:
        await self._enter(user, item_ids)
        ids = {mine for each in item_ids for mine in entries_of(each)}
        ids.update(*(self._named.get(digest_of(each), ()) for each in item_ids))
        places = {response_id: place for place, response_id in enumerate(self._responses)}
        here = sorted(ids & places.keys(), key=places.__getitem__)
        found = [each for name in here if (each := self._find(user, name)) is not None]
        _check_size(found)
        return found

    async def conversation(self, user: str, conversation_id: str) -> Sequence[StoredResponse]:
        await self._enter(user, conversation_id)
        place = user, conversation_id
        found = [each for each in self._responses.values() if _place(each) == place]
        _check_size(found)
        return found

    async def first(self, user: str, conversation_id: str) -> StoredResponse | None:
        await self._enter(user, conversation_id)
        place = user, conversation_id
        return next((each for each in self._responses.values() if _place(each) == place), None)

    async def rewrite(self, response: StoredResponse) -> bool:
        await self._enter(response)
        kept = self._find(response.user, response.response_id)
        if kept is not None:
            self._put(replace(kept, created=response.created))
        return kept is not None

    async def drop_item(self, user: str, response_id: str, item_id: str) -> bool:
        await self._enter(user, response_id, item_id)
        kept = self._find(user, response_id)
        if kept is None or item_id not in (item["id"] for item in kept.items):
            return False
        self._forget_names(kept)
        self._put(replace(kept, items=[item for item in kept.items if item["id"] != item_id]))
        return True

    async def delete_some(self, user: str, conversation_id: str, *, most: int) -> int:
        await self._enter(user, conversation_id)
        place = user, conversation_id
        theirs = [each for each in self._responses.values() if _place(each) == place]
        for each in theirs[:most]:
            self._remove(each.response_id)
        return len(theirs[:most])

    async def newest(self, user: str, conversation_id: str) -> StoredResponse | None:
        await self._enter(user, conversation_id)
        place = user, conversation_id
        newest_first = reversed(self._responses.values())
        return next((each for each in newest_first if _place(each) == place), None)

    async def delete(self, user: str, response_id: str) -> bool:
        await self._enter(user, response_id)
        if self._find(user, response_id) is None:
            return False
        self._remove(response_id)
        return True

    def _remove(self, response_id: str) -> None:
        self._forget_names(self._responses.pop(response_id))
        self._use.remove(("responses", response_id))

    def _put(self, response: StoredResponse) -> None:
        self._responses[response.response_id] = response
        self._use.put(response.user, _row(response))
        for digest in digests(response):
            self._named[digest].add(response.response_id)

    def _forget_names(self, response: StoredResponse) -> None:
        for digest in digests(response):
            self._named[digest].discard(response.response_id)
            if not self._named[digest]:
                del self._named[digest]

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
