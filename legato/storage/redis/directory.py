"""The directory in Redis: a job's listing in its stream, and a user's in one slot."""

from collections.abc import Collection, Sequence
from itertools import chain

import trio
from msgspec.structs import replace

from legato.config import OnBusy
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.replication import (
    UNLIMITED,
    DirectoryEntry,
    Entered,
    IncompleteDirectory,
    JobInfo,
    Joined,
    NotEntered,
    QueueLimits,
    announced_stage,
)
from legato.storage.redis import streams
from legato.storage.redis.connection.client import Client, Send, translated
from legato.storage.redis.connection.commands import (
    Command,
    RedisReply,
    StreamEntry,
    command,
    entries,
    first,
    last,
    number,
    pairs,
    text,
    texts,
)
from legato.storage.redis.connection.lines import Lines
from legato.storage.redis.job_infos import Listings, before_turn, decision, listed
from legato.storage.redis.key_names import Keys
from legato.storage.redis.liveness import RedisLiveness, birth_now, token
from legato.storage.redis.own_jobs import OwnJobs


class RedisDirectory:
    """One replica's view of the directory; `own` are this replica's jobs."""

    def __init__(
        self, client: Client, asking: Lines, keys: Keys, liveness: RedisLiveness, own: OwnJobs
    ) -> None:
        self._client = client
        self._asking = asking
        self._keys = keys
        self._listings = Listings(keys)
        self._me = liveness.me
        self._births = liveness.births
        self._birth = birth_now(keys)
        self._own = own
        self._threads = trio.CapacityLimiter(4)

    async def enter(
        self, info: JobInfo, on_busy: OnBusy, *, max_per_user: int, queue: QueueLimits = UNLIMITED
    ) -> Entered | Joined | NotEntered:
        def work(send: Send) -> Entered | Joined | NotEntered | None:
            # A listing in the directory has a stream, and a stream has an owner: a kill in between
            # leaves nothing that no replica would ever remove.
            owned = command("SADD", self._keys.owner(self._me), info.job_id)
            key = self._keys.job(info.job_id)
            _, made = send([owned, streams.make(key, 1, self._me, info)])
            if not number(made) and not self._is_mine(send([last(key)])[0]):
                raise _taken_for_gone()  # the listing stays that of the owner
            entering = self._listings.enter(info, on_busy, max_per_user, queue)
            decided, newest, found = send([entering, last(key), self._birth])
            if not self._is_mine(newest):
                send(self._listings.remove(info))
                raise _taken_for_gone()
            if token(found) != birth:  # decided on a Redis that lost all, or may have
                self._withdraw(send, info)
                return None
            outcome = decision(decided)
            if not isinstance(outcome, Entered):
                self._drop(send, info)
            return outcome

        birth = self._births.birth
        self._births.require_whole(birth)
        self._own.note(info.job_id, 1, info)
        outcome = await self._client.run(work, self._threads)
        if isinstance(outcome, Entered):
            self._own.note(info.job_id, 1, replace(info, place=outcome.place))
        else:
            self._own.drop([info.job_id])
        if outcome is None:
            raise IncompleteDirectory(self._births.lease)
        return outcome

    async def begin(self, info: JobInfo, *, ended: Collection[str]) -> Sequence[JobInfo]:
        reply = await self._decided(self._listings.begin(info, ended))
        with translated():
            return before_turn(reply)

    async def move_to_front(self, info: JobInfo) -> int | None:
        rank = await self._decided(self._listings.move_to_front(info))
        return None if rank is None else number(rank)

    async def rank(self, info: JobInfo) -> int | None:
        rank = await self._decided(self._listings.rank(info))
        return None if rank is None else int(text(rank))

    async def _decided(self, asked: Command) -> RedisReply:
        """The directory's reply.  Raises IncompleteDirectory where Redis lost what it knew."""

        self._births.require_whole(self._births.birth)
        reply, birth = await self._client.run(
            lambda send: send([asked, self._birth]), self._threads, anyway=True
        )
        with translated():
            self._births.require_whole(token(birth))
        return reply

    async def withdraw(self, info: JobInfo) -> None:
        await self._client.run(lambda send: self._withdraw(send, info), self._threads, anyway=True)
        self._own.drop([info.job_id])

    async def void(self, info: JobInfo, *, may_repeat: bool) -> None:
        def work(send: Send) -> None:
            freed = self._listings.free(info) if may_repeat else []
            send([self._listings.advance(info, "void"), *freed])

        await self._client.run(work, self._threads, anyway=True)

    async def reannounce(self, jobs: Sequence[DirectoryEntry]) -> None:
        def work(send: Send) -> None:
            newest = send([last(self._keys.job(entry.info.job_id)) for entry in jobs])
            held = [job for job, reply in zip(jobs, newest, strict=True) if self._has(job, reply)]
            announced = [self._listings.announce(job.info, announced_stage(job)) for job in held]
            requeued = [self._listings.requeue(job.info, job.rank) for job in held]
            send([*chain.from_iterable(announced), *requeued])

        for entry in jobs:
            self._own.note(entry.info.job_id, entry.epoch, entry.info)
        await self._client.run(work, self._threads, anyway=True)

    async def find(self, job_id: str) -> DirectoryEntry | None:
        key = self._keys.job(job_id)
        oldest, newest, birth = await self._asking.run([first(key), last(key), self._birth])
        with translated():
            if found := _entry(entries(oldest), entries(newest)):
                return found
            self._births.require_whole(token(birth))
            return None

    async def conversation(
        self, user: str, conversation_id: str, *, whole: bool = False
    ) -> Sequence[DirectoryEntry]:
        asked = command("HGETALL", self._keys.conversation(user, conversation_id))
        queued = command("HGETALL", self._keys.queue(user))
        reply, ranks, birth = await self._asking.run([asked, queued, self._birth])
        with translated():
            found = listed([*pairs(reply).values()], pairs(ranks))
            if whole or not found:
                self._births.require_whole(token(birth))
            return found

    async def running(self, user: str) -> Sequence[str]:
        [reply] = await self._asking.run([command("HVALS", self._keys.running(user))])
        return sorted({conversation_id.decode() for conversation_id in texts(reply)})

    async def request(self, user: str, request_id: str) -> JobInfo | None:
        asked = command("GET", self._keys.request(user, request_id))
        reply, birth = await self._asking.run([asked, self._birth])
        with translated():
            if reply is not None:
                return streams.decoded(text(reply))
            self._births.require_whole(token(birth))
            return None

    def _withdraw(self, send: Send, info: JobInfo) -> None:
        send(self._listings.remove(info))
        self._drop(send, info)

    def _is_mine(self, newest: RedisReply) -> bool:
        return [streams.top(entry).owner for entry in entries(newest)] == [self._me]

    def _has(self, entry: DirectoryEntry, newest: RedisReply) -> bool:
        """Whether this replica does, as far as Redis knows."""
        tops = map(streams.top, entries(newest))
        return all(
            top.epoch < entry.epoch or (top.owner == self._me and not top.is_tombstone)
            for top in tops
        )

    def _drop(self, send: Send, info: JobInfo) -> None:
        forgotten = streams.forget(self._keys.job(info.job_id))
        send([forgotten, command("SREM", self._keys.owner(self._me), info.job_id)])


def _taken_for_gone() -> StorageError:
    return StorageError("This replica was taken for gone while it entered a job.")


def _entry(oldest: Sequence[StreamEntry], newest: Sequence[StreamEntry]) -> DirectoryEntry | None:
    if not (oldest and newest) or (info := streams.info(oldest[0])) is None:
        return None
    top = streams.top(newest[0])
    return DirectoryEntry(info=info, owner=top.owner, epoch=top.epoch)
