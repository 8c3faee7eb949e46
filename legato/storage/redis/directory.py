"""The directory in Redis: a job's listing in its stream, and all of a user's in one slot."""

from collections.abc import Sequence

import trio

from legato.config import OnBusy
from legato.storage.contract import StorageError
from legato.storage.redis import streams
from legato.storage.redis.client import Client, Send, translated
from legato.storage.redis.commands import (
    Reply,
    command,
    entries,
    first,
    last,
    pairs,
    text,
    texts,
)
from legato.storage.redis.keys import Keys
from legato.storage.redis.lines import Lines
from legato.storage.redis.listings import Listings, decision, listed
from legato.storage.redis.own import OwnJobs
from legato.storage.replicas import Denied, Entered, Joined, Listed, Listing, Told, Whereabouts


class RedisDirectory:
    """As one replica has it, whose jobs are `own`."""

    def __init__(self, client: Client, asking: Lines, keys: Keys, me: str, own: OwnJobs) -> None:
        self._client = client
        self._asking = asking
        self._keys = keys
        self._listings = Listings(keys)
        self._me = me
        self._own = own
        self._threads = trio.CapacityLimiter(4)

    async def enter(
        self, listing: Listing, on_busy: OnBusy, *, max_per_user: int
    ) -> Entered | Joined | Denied:
        def work(send: Send) -> Entered | Joined | Denied:
            # Whatever is in the directory has a stream, whatever has a stream has an owner: killed
            # in between, there is nothing that nobody would ever remove.
            owned = command("SADD", self._keys.owner(self._me), listing.job_id)
            key = self._keys.job(listing.job_id)
            send([owned, streams.make(key, 1, self._me, listing)])
            entering = self._listings.enter(listing, on_busy, max_per_user)
            decided, newest = send([entering, last(key)])
            if not self._is_mine(newest):
                send(self._listings.remove(listing))
                raise StorageError("This replica was taken for gone while it entered a job.")
            outcome = decision(decided)
            if not isinstance(outcome, Entered):
                self._drop(send, listing)
            return outcome

        self._own.note(listing.job_id, 1, listing)
        outcome = await self._client.run(work, self._threads)
        if not isinstance(outcome, Entered):
            self._own.drop([listing.job_id])
        return outcome

    async def withdraw(self, listing: Listing) -> None:
        def work(send: Send) -> None:
            send(self._listings.remove(listing))
            self._drop(send, listing)

        await self._client.run(work, self._threads)
        self._own.drop([listing.job_id])

    async def void(self, listing: Listing, *, may_repeat: bool) -> None:
        def work(send: Send) -> None:
            freed = self._listings.free(listing) if may_repeat else []
            send([self._listings.advance(listing, "void"), *freed])

        await self._client.run(work, self._threads)

    async def tell_again(self, jobs: Sequence[Told]) -> None:
        def work(send: Send) -> None:
            newest = send([last(self._keys.job(told.listing.job_id)) for told in jobs])
            told = [job for job, reply in zip(jobs, newest, strict=True) if self._has(job, reply)]
            send([each for job in told for each in self._listings.tell(job.listing, job.stage)])

        for told in jobs:
            self._own.note(told.listing.job_id, told.epoch, told.listing)
        await self._client.run(work, self._threads)

    async def find(self, job_id: str) -> Whereabouts | None:
        key = self._keys.job(job_id)
        oldest, newest = map(entries, await self._asking.run([first(key), last(key)]))
        with translated():
            if not (oldest and newest) or (listing := streams.listing(oldest[0])) is None:
                return None
            top = streams.top(newest[0])
            return Whereabouts(listing, top.owner, top.epoch)

    async def conversation(self, user: str, conversation_id: str) -> Sequence[Listed]:
        asked = command("HGETALL", self._keys.conversation(user, conversation_id))
        [reply] = await self._asking.run([asked])
        with translated():
            return listed([*pairs(reply).values()])

    async def running(self, user: str) -> Sequence[str]:
        [reply] = await self._asking.run([command("HVALS", self._keys.running(user))])
        return sorted({conversation_id.decode() for conversation_id in texts(reply)})

    async def request(self, user: str, request_id: str) -> Listing | None:
        [reply] = await self._asking.run([command("GET", self._keys.request(user, request_id))])
        with translated():
            return None if reply is None else streams.decoded(text(reply))

    def _is_mine(self, newest: Reply) -> bool:
        return [streams.top(entry).owner for entry in entries(newest)] == [self._me]

    def _has(self, told: Told, newest: Reply) -> bool:
        """Whether this replica does, as far as Redis knows."""
        tops = map(streams.top, entries(newest))
        return all(
            top.epoch < told.epoch or (top.owner == self._me and not top.is_tombstone)
            for top in tops
        )

    def _drop(self, send: Send, listing: Listing) -> None:
        forgotten = streams.forget(self._keys.job(listing.job_id))
        send([forgotten, command("SREM", self._keys.owner(self._me), listing.job_id)])
