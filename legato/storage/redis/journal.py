"""The journal in Redis: a stream for each job, whose ids keep former owners out."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import trio

from legato.storage.contract import Abandoned, Entries, Kept, Refusal
from legato.storage.redis import streams
from legato.storage.redis.client import Client, Send
from legato.storage.redis.commands import (
    Command,
    Reply,
    StreamEntry,
    command,
    entries,
    last,
)
from legato.storage.redis.estates import Estates
from legato.storage.redis.keys import DAY, Keys
from legato.storage.redis.listings import Listings
from legato.storage.redis.liveness import RedisLiveness
from legato.storage.redis.streams import Own, Top

PAGE: Final = 500
"""Entries read at once: some hundred kilobytes."""


class RedisJournal:
    """Of one replica.  `own` are its jobs, entered here or taken over: id -> what is known."""

    def __init__(
        self, client: Client, keys: Keys, liveness: RedisLiveness, own: dict[str, Own]
    ) -> None:
        self._client = client
        self._keys = keys
        self._listings = Listings(keys)
        self._liveness = liveness
        self._me = liveness.me
        self._own = own
        self._estates = Estates(keys, self._me, own)
        self._writes = trio.CapacityLimiter(1)  # in the order they were asked for
        self._reads = trio.CapacityLimiter(4)

    async def append(self, batch: Sequence[Entries]) -> Sequence[Refusal]:
        def work(send: Send) -> Sequence[Refusal]:
            added = [self._events(each) for each in batch]  # or raises before anything is sent
            begun = [command for each in batch for command in self._begin(each)]
            outcome = dict(zip(ids(batch), send([*added, *begun]), strict=False))
            lost = [each for each in batch if each.first == 1 and outcome[each.job_id] is None]
            return self._refusals(send, batch, outcome | self._tell_again(send, lost))

        for each in batch:
            if each.first == 1:
                self._own.setdefault(each.job_id, Own())
        return await self._client.run(work, self._writes)

    async def take_over(self) -> Sequence[Abandoned]:
        gone = self._liveness.gone()
        taken, empty = await self._client.run(
            lambda send: self._estates.take(send, gone), self._writes
        )
        self._liveness.drop(empty)
        return taken

    async def read(self, job_id: str) -> Kept:
        return await self._client.run(
            lambda send: streams.kept(job_id, _pages(send, self._keys.job(job_id))), self._reads
        )

    async def settle(self, job_ids: Sequence[str]) -> None:
        def work(send: Send) -> None:
            tops = self._tops(send, job_ids)
            mine = [job_id for job_id in job_ids if self._may_change(job_id, tops)]
            send([each for job_id in mine for each in self._settle(job_id, tops.get(job_id))])
            for job_id in self._own.keys() & tops.keys() & set(mine):
                self._own[job_id].settled = tops[job_id].epoch

        await self._client.run(work, self._writes)

    async def forget(self, job_ids: Sequence[str]) -> None:
        def work(send: Send) -> None:
            tops = self._tops(send, job_ids)
            mine = [job_id for job_id in job_ids if self._may_change(job_id, tops)]
            send([each for job_id in mine for each in self._unlist(job_id)])
            send(
                [command("UNLINK", self._keys.job(job_id)) for job_id in mine]
                + self._leave(job_ids)
            )
            for job_id in job_ids:
                self._own.pop(job_id, None)

        await self._client.run(work, self._writes)

    def abandon(self) -> None:
        """Nothing hangs for longer than a few seconds: every command has its time."""

    def _events(self, entries: Entries, *, make: bool = False) -> Command:
        own = self._own.get(entries.job_id, Own())
        return streams.events(self._keys.job(entries.job_id), entries, self._me, own, make=make)

    def _begin(self, entries: Entries) -> list[Command]:
        known = self._own.get(entries.job_id)
        if entries.first > 1 or known is None or known.listing is None:
            return []
        return [self._listings.advance(known.listing, "begun")]

    def _tell_again(self, send: Send, lost: Sequence[Entries]) -> dict[str, Reply]:
        """Make the streams of jobs that Redis knows nothing of, from their beginnings."""
        if not lost:
            return {}
        claims, added, requests = [], [], []
        for each in lost:
            own = self._own.get(each.job_id, Own())
            key = self._keys.job(each.job_id)
            claims.append(streams.claim(key, each.epoch, self._me, own, make=True))
            added.append(self._events(each, make=True))
            requests += self._listings.claim_request(own.listing) if own.listing else []
        owned = command("SADD", self._keys.owner(self._me), *ids(lost))
        replies = send([owned, *claims, *added, *requests])
        return dict(zip(ids(lost), replies[1 + len(claims) :], strict=False))

    def _refusals(
        self, send: Send, batch: Sequence[Entries], outcome: Mapping[str, Reply]
    ) -> Sequence[Refusal]:
        tops = self._tops(send, [each for each in ids(batch) if outcome[each] is False])
        refusals = []
        for each in batch:
            top = tops.get(each.job_id)
            if outcome[each.job_id] is None or (outcome[each.job_id] is False and top is None):
                refusals.append(Refusal(each.job_id, "forgotten"))
            elif top is not None and not self._was_heard(each, top):
                refusals.append(Refusal(each.job_id, "fenced"))
        return refusals

    def _was_heard(self, entries: Entries, top: Top) -> bool:
        position = entries.first + len(entries.events) - 1
        return (top.owner, top.epoch) == (self._me, entries.epoch) and top.seq >= position

    def _tops(self, send: Send, job_ids: Sequence[str]) -> dict[str, Top]:
        """Of those that are there."""
        replies = map(entries, send([last(self._keys.job(job_id)) for job_id in job_ids]))
        found = zip(job_ids, replies, strict=True)
        return {job_id: streams.top(entry) for job_id, stream in found for entry in stream}

    def _may_change(self, job_id: str, tops: Mapping[str, Top]) -> bool:
        return job_id not in tops or tops[job_id].owner == self._me

    def _settle(self, job_id: str, top: Top | None) -> list[Command]:
        commands, known = [], self._own.get(job_id)
        if top is not None:
            key = self._keys.job(job_id)
            commands += [streams.mark(key, top)] if top.settled < top.epoch else []
            commands.append(command("EXPIRE", key, DAY))
        if known is not None and known.listing is not None:
            commands.append(self._listings.advance(known.listing, "ended"))
        return commands

    def _unlist(self, job_id: str) -> list[Command]:
        known = self._own.get(job_id)
        return (
            [] if known is None or known.listing is None else self._listings.remove(known.listing)
        )

    def _leave(self, job_ids: Sequence[str]) -> list[Command]:
        return [command("SREM", self._keys.owner(self._me), *job_ids)] if job_ids else []


def ids(batch: Sequence[Entries]) -> list[str]:
    return [each.job_id for each in batch]


def _pages(send: Send, key: bytes) -> Iterator[StreamEntry]:
    start = b"-"
    while True:
        page = entries(*send([command("XRANGE", key, start, "+", "COUNT", PAGE)]))
        yield from page
        if len(page) < PAGE:
            return
        start = b"(" + page[-1].id
