"""The journal in Redis: a stream for each job, closed to former owners."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, Literal

import trio

from legato.storage.contracts.journal import Entries, Kept, OrphanedJob, Refusal
from legato.storage.contracts.replication import JobInfo
from legato.storage.redis import streams
from legato.storage.redis.claims import JobClaims, Taken
from legato.storage.redis.connection.client import Client, Send
from legato.storage.redis.connection.commands import (
    Command,
    RedisReply,
    StreamEntry,
    array,
    command,
    entries,
    last,
    number,
)
from legato.storage.redis.job_infos import Listings
from legato.storage.redis.key_names import Keys
from legato.storage.redis.liveness import RedisLiveness, birth_now, token
from legato.storage.redis.own_jobs import OwnJobs
from legato.storage.redis.streams import Tail

PAGE: Final = 500
"""Entries read at once: some hundred kilobytes."""

Outcome = Tail | Literal["fenced", "forgotten"]
"""The outcome of entries: the end of their stream where they were kept, or a refusal."""


class RedisJournal:
    """One replica's journal; `own` are this replica's jobs."""

    def __init__(self, client: Client, keys: Keys, liveness: RedisLiveness, own: OwnJobs) -> None:
        self._client = client
        self._keys = keys
        self._listings = Listings(keys)
        self._liveness = liveness
        self._me = liveness.me
        self._own = own
        self._claims = JobClaims(keys, self._me)
        self._tails: dict[str, Tail] = {}  # of own jobs; changed on Trio's thread alone
        self._writes = trio.CapacityLimiter(1)  # in the order of the requests
        self._reads = trio.CapacityLimiter(4)

    async def append(self, batch: Sequence[Entries]) -> Sequence[Refusal]:
        beginning = [each for each in batch if each.first == 1]
        infos = self._own.infos(ids(beginning))
        tails = {job_id: self._tails[job_id] for job_id in ids(batch) if job_id in self._tails}

        def work(send: Send) -> Mapping[str, Outcome]:
            outcomes = self._append(send, batch, tails)
            lost = [each for each in beginning if outcomes[each.job_id] == "forgotten"]
            outcomes |= self._make(send, lost, infos)
            kept = [each for each in beginning if isinstance(outcomes[each.job_id], Tail)]
            send([each for entries in kept for each in self._begin(entries, infos)])
            return outcomes

        return self._noted(await self._client.run(work, self._writes, anyway=True))

    def _noted(self, outcomes: Mapping[str, Outcome]) -> Sequence[Refusal]:
        refusals = []
        for job_id, outcome in outcomes.items():
            if isinstance(outcome, Tail):
                self._tails[job_id] = outcome
            else:
                self._tails.pop(job_id, None)
                refusals.append(Refusal(job_id, outcome))
        self._own.drop(each.job_id for each in refusals if each.reason == "fenced")
        return refusals

    async def take_over(self) -> Sequence[OrphanedJob]:
        births = self._liveness.births
        if not births.is_whole:  # a living replica may own what its owner's lost claim took over
            return ()
        gone, known, birth = self._liveness.gone(), self._own.epochs(), births.birth

        def work(send: Send) -> tuple[Sequence[Taken], Collection[str]]:
            if token(*send([birth_now(self._keys)])) != birth:  # Redis lost something by now
                return (), ()
            return self._claims.take(send, gone, known)

        found, empty = await self._client.run(work, self._writes, anyway=True)
        self._liveness.drop(empty)
        # A job entered here, or reported, while the thread was at work is no news.
        news = [each for each in found if self._own.epoch(each.job.job_id) < each.job.epoch]
        for each in news:
            self._own.note(each.job.job_id, each.job.epoch, each.info)
        return [each.job for each in news]

    async def read(self, job_id: str) -> Kept:
        [kept] = await self.read_all([job_id])
        return kept

    async def read_all(self, job_ids: Sequence[str]) -> Sequence[Kept]:
        def work(send: Send) -> Sequence[Kept]:
            firsts = send([_page(self._keys.job(each), b"-") for each in job_ids])
            return [
                streams.kept(job_id, _pages(send, self._keys.job(job_id), entries(first)))
                for job_id, first in zip(job_ids, firsts, strict=True)
            ]

        return await self._client.run(work, self._reads, anyway=True)

    async def mark_done(self, job_ids: Sequence[str]) -> None:
        infos = self._own.infos(job_ids)

        def work(send: Send) -> None:
            marked = send([streams.mark_done(self._keys.job(each), self._me) for each in job_ids])
            send(
                [
                    self._listings.advance(infos[job_id], "ended")
                    for job_id, reply in zip(job_ids, marked, strict=True)
                    if number(reply) >= 0 and job_id in infos
                ]
            )

        await self._client.run(work, self._writes, anyway=True)

    async def forget(self, job_ids: Sequence[str]) -> None:
        infos = self._own.infos(job_ids)

        def work(send: Send) -> None:
            others = self._of_others(send, job_ids)
            unlisted = [infos[each] for each in job_ids if each in infos.keys() - others]
            send([each for info in unlisted for each in self._listings.remove(info)])
            send([streams.forget(self._keys.job(each), self._me) for each in job_ids])
            send([command("SREM", self._keys.owner(self._me), *job_ids)] if job_ids else [])

        await self._client.run(work, self._writes, anyway=True)
        self._own.drop(job_ids)
        for job_id in job_ids:
            self._tails.pop(job_id, None)

    def abandon(self) -> None:
        """See Records."""
        self._client.abandon()

    def _append(
        self, send: Send, batch: Sequence[Entries], tails: Mapping[str, Tail]
    ) -> dict[str, Outcome]:
        """Append in one exchange; streams found different from their known tails take a second."""
        following = [(e, tails[e.job_id]) for e in batch if streams.follows(e, tails.get(e.job_id))]
        most = self._client.keys_at_once
        parts = [following[at : at + most] for at in range(0, len(following), most)]
        known = {entries.job_id for entries, _ in following}
        others = [each for each in batch if each.job_id not in known]
        replies = send([*map(self._follow, parts), *map(self._decide, others)])
        followed, decided = replies[: len(parts)], replies[len(parts) :]
        lengths = [number(length) for reply in followed for length in array(reply)]
        outcomes = dict(zip(ids(others), map(_outcome, others, decided), strict=True))
        again = []
        for (each, _), length in zip(following, lengths, strict=True):
            outcomes[each.job_id] = Tail(each.epoch, each.last, length)
            if not length:
                again.append(each)
        return outcomes | (self._append(send, again, {}) if again else {})

    def _follow(self, part: Sequence[tuple[Entries, Tail]]) -> Command:
        return streams.follow([self._keys.job(e.job_id) for e, _ in part], part, self._me)

    def _decide(self, entries: Entries) -> Command:
        return streams.append(self._keys.job(entries.job_id), entries, self._me)

    def _make(
        self, send: Send, lost: Sequence[Entries], infos: Mapping[str, JobInfo]
    ) -> dict[str, Outcome]:
        """Make the streams of jobs that Redis lost, or gives to another owner, from position 1."""
        if not lost:
            return {}
        owned = command("SADD", self._keys.owner(self._me), *ids(lost))
        made = [
            streams.make(self._keys.job(each.job_id), each.epoch, self._me, infos.get(each.job_id))
            for each in lost
        ]
        send([owned, *made])
        again = [
            streams.append(self._keys.job(each.job_id), each, self._me, is_owned=True)
            for each in lost
        ]
        replies = zip(lost, send(again), strict=True)
        outcomes = {each.job_id: _outcome(each, reply) for each, reply in replies}
        kept = [job_id for job_id, outcome in outcomes.items() if isinstance(outcome, Tail)]
        listed = [infos[job_id] for job_id in kept if job_id in infos]
        send([each for info in listed for each in self._listings.announce(info, "waiting")])
        return outcomes

    def _begin(self, entries: Entries, infos: Mapping[str, JobInfo]) -> list[Command]:
        info = infos.get(entries.job_id)
        return [self._listings.advance(info, "begun")] if info and entries.events else []

    def _of_others(self, send: Send, job_ids: Sequence[str]) -> set[str]:
        replies = map(entries, send([last(self._keys.job(job_id)) for job_id in job_ids]))
        return {
            job_id
            for job_id, stream in zip(job_ids, replies, strict=True)
            for entry in stream
            if streams.top(entry).owner != self._me
        }


def ids(batch: Sequence[Entries]) -> list[str]:
    return [each.job_id for each in batch]


def _outcome(entries: Entries, reply: RedisReply) -> Outcome:
    if reply == b"fenced":
        return "fenced"
    if reply == b"forgotten":
        return "forgotten"
    return Tail(entries.epoch, entries.last, number(reply))


def _pages(send: Send, key: bytes, page: Sequence[StreamEntry]) -> Iterator[StreamEntry]:
    """All entries of a stream; `page` has the first ones."""
    yield from page
    while len(page) == PAGE:
        page = entries(*send([_page(key, b"(" + page[-1].id)]))
        yield from page


def _page(key: bytes, start: bytes) -> Command:
    return command("XRANGE", key, start, "+", "COUNT", PAGE)
