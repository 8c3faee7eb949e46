"""Taking over the jobs of replicas that are gone.

This replica may die at any moment of a takeover.  Therefore a job is in its new owner's set before
the claim, and in its former owner's set until all is done.  A job that was claimed but never
reported, because the reply was lost, is found in this replica's own set the next time.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from msgspec import MsgspecError

from legato.storage.contracts.journal import OrphanedJob
from legato.storage.contracts.replication import JobInfo
from legato.storage.redis import streams
from legato.storage.redis.connection.client import Send
from legato.storage.redis.connection.commands import (
    StreamEntry,
    array,
    command,
    entries,
    first,
    last,
    number,
    texts,
)
from legato.storage.redis.key_names import Keys
from legato.storage.redis.streams import Top


class OrphanedClaim(NamedTuple):
    """A job in the set of `owner`; `top` is None where the job has no stream."""

    owner: str
    job_id: str
    top: Top | None
    info: JobInfo | None


class Taken(NamedTuple):
    job: OrphanedJob
    info: JobInfo | None


class JobClaims:
    def __init__(self, keys: Keys, me: str) -> None:
        self._keys = keys
        self._me = me

    def take(
        self, send: Send, gone: Collection[str], known: Mapping[str, int]
    ) -> tuple[list[Taken], Collection[str]]:
        """Take the jobs of `gone` replicas; returns the new jobs, by id, and the empty replicas.

        `known` are this replica's jobs and their epochs, which are not reported again.
        """
        owned = self._owned(send, [*gone, self._me])
        left = self._look(send, owned)
        found = [each for each in left if self._is_unreported(each, known)]
        found += self._claim(send, [each for each in left if self._is_theirs(each)])
        unmade = [each for each in left if each.top is None and each.owner != self._me]
        send([streams.bar(self._keys.job(each.job_id), self._me) for each in unmade])
        empty = [replica for replica in gone if not owned[replica]]
        taken = {each.job_id: _taken(each) for each in found}
        self._tidy(send, left, taken, empty)
        return [taken[job_id] for job_id in sorted(taken)], empty

    def _owned(self, send: Send, owners: Sequence[str]) -> dict[str, list[str]]:
        replies = send([command("SMEMBERS", self._keys.owner(owner)) for owner in owners])
        return {
            owner: [job_id.decode() for job_id in texts(reply)]
            for owner, reply in zip(owners, replies, strict=True)
        }

    def _look(self, send: Send, owned: dict[str, list[str]]) -> list[OrphanedClaim]:
        jobs = [(owner, job_id) for owner, job_ids in owned.items() for job_id in job_ids]
        looks = [look(self._keys.job(job_id)) for _, job_id in jobs for look in (first, last)]
        streams_ = [*map(entries, send(looks))]
        ends = zip(streams_[::2], streams_[1::2], strict=True)
        return [
            _left(*job, *first_and_last) for job, first_and_last in zip(jobs, ends, strict=True)
        ]

    def _is_unreported(self, left: OrphanedClaim, known: Mapping[str, int]) -> bool:
        """Whether this replica claimed the job and never heard so: nothing was added since."""
        top = left.top
        if top is None or top.owner != self._me or not top.attempts:
            return False
        return known.get(left.job_id, 0) < top.epoch

    def _is_theirs(self, left: OrphanedClaim) -> bool:
        top = left.top
        if top is None or top.is_tombstone:
            return False
        return left.owner != self._me and top.owner == left.owner

    def _claim(self, send: Send, theirs: Sequence[OrphanedClaim]) -> list[OrphanedClaim]:
        """Claim these jobs, and return all but those claimed faster by another replica."""
        if not theirs:
            return []
        mine = self._keys.owner(self._me)
        send([command("SADD", mine, *(each.job_id for each in theirs))])
        claims = [
            streams.claim(self._keys.job(each.job_id), each.top, self._me)
            for each in theirs
            if each.top is not None
        ]
        won, lost = [], []
        for each, reply in zip(theirs, send(claims), strict=True):
            if each.top is not None and reply is not None:
                attempts, done_epoch = map(number, array(reply))
                top = Top(each.top.epoch + 1, self._me, done_epoch, attempts)
                won.append(each._replace(top=top))
            else:
                lost.append(each.job_id)
        send([command("SREM", mine, *lost)] if lost else [])
        return won

    def _tidy(
        self,
        send: Send,
        left: Sequence[OrphanedClaim],
        taken: Collection[str],
        empty: Sequence[str],
    ) -> None:
        done: dict[str, list[str]] = {}
        for each in left:
            if each.owner != self._me or (self._is_lost(each) and each.job_id not in taken):
                done.setdefault(each.owner, []).append(each.job_id)
        commands = [command("SREM", self._keys.owner(owner), *ids) for owner, ids in done.items()]
        send([*commands, command("HDEL", self._keys.replicas, *empty)] if empty else commands)

    def _is_lost(self, left: OrphanedClaim) -> bool:
        """Whether the job has another owner or a tombstone.

        A job without a stream is not lost: this replica may be entering the job at this moment.
        """
        top = left.top
        return top is not None and (top.is_tombstone or top.owner != self._me)


def _left(
    owner: str, job_id: str, first: Sequence[StreamEntry], last: Sequence[StreamEntry]
) -> OrphanedClaim:
    info = None
    for entry in first:
        # another version's listing: the job is taken over all the same
        with suppress(MsgspecError):
            info = streams.info(entry)
    return OrphanedClaim(owner, job_id, streams.top(last[0]) if last else None, info)


def _taken(left: OrphanedClaim) -> Taken:
    assert left.top is not None
    top = left.top
    job = OrphanedJob(left.job_id, top.epoch, top.attempts, marked_done=top.done_epoch > 0)
    return Taken(job, left.info)
