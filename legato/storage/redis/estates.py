"""Taking over: whatever replicas that are gone have left becomes this one's.

Any moment of it may be its last.  So a job is in its new owner's set before it is claimed, and in
its former owner's until all is done; and what was claimed but never reported, because the reply was
lost, is found in this replica's own set the next time.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import NamedTuple

from msgspec import MsgspecError

from legato.storage.contract import Abandoned
from legato.storage.redis import streams
from legato.storage.redis.client import Send
from legato.storage.redis.commands import (
    Command,
    StreamEntry,
    command,
    entries,
    first,
    last,
    texts,
)
from legato.storage.redis.keys import DAY, Keys
from legato.storage.redis.streams import Own, Top


class Left(NamedTuple):
    """A job in the set of `owner`; `top` is None where it has no stream."""

    owner: str
    job_id: str
    top: Top | None
    own: Own


class Estates:
    def __init__(self, keys: Keys, me: str, own: dict[str, Own]) -> None:
        self._keys = keys
        self._me = me
        self._own = own

    def take(self, send: Send, gone: Collection[str]) -> tuple[list[Abandoned], Collection[str]]:
        """What is this replica's now, in the order of ids, and who of those gone left nothing."""
        owned = self._owned(send, [*gone, self._me])
        left = self._look(send, owned)
        taken = {each.job_id: each for each in left if self._is_unreported(each)}
        taken |= self._claim(send, [each for each in left if self._is_theirs(each)])
        self._bar(send, [each for each in left if each.top is None and each.owner != self._me])
        empty = [replica for replica in gone if not owned[replica]]
        self._tidy(send, left, taken, empty)
        self._own.update({job_id: each.own for job_id, each in taken.items()})
        return [_abandoned(taken[job_id]) for job_id in sorted(taken)], empty

    def _owned(self, send: Send, owners: Sequence[str]) -> dict[str, list[str]]:
        """Their jobs; of this replica's, those it does not know it has."""
        replies = send([command("SMEMBERS", self._keys.owner(owner)) for owner in owners])
        owned = {
            owner: [job_id.decode() for job_id in texts(reply)]
            for owner, reply in zip(owners, replies, strict=True)
        }
        owned[self._me] = [job_id for job_id in owned[self._me] if job_id not in self._own]
        return owned

    def _look(self, send: Send, owned: dict[str, list[str]]) -> list[Left]:
        jobs = [(owner, job_id) for owner, job_ids in owned.items() for job_id in job_ids]
        looks = [look(self._keys.job(job_id)) for _, job_id in jobs for look in (first, last)]
        streams_ = [*map(entries, send(looks))]
        ends = zip(streams_[::2], streams_[1::2], strict=True)
        return [
            _left(*job, *first_and_last) for job, first_and_last in zip(jobs, ends, strict=True)
        ]

    def _is_unreported(self, left: Left) -> bool:
        mine = left.top is not None and left.top.owner == self._me
        return mine and left.job_id not in self._own

    def _is_theirs(self, left: Left) -> bool:
        return left.owner != self._me and left.top is not None and left.top.owner == left.owner

    def _claim(self, send: Send, theirs: Sequence[Left]) -> dict[str, Left]:
        """Those of which nobody else was faster."""
        if not theirs:
            return {}
        for each in theirs:
            self._own.pop(each.job_id, None)  # known from before it was lost: reported no more
        mine = self._keys.owner(self._me)
        send([command("SADD", mine, *(each.job_id for each in theirs))])
        won, lost = {}, []
        for each, reply in zip(theirs, send([*map(self._next_claim, theirs)]), strict=True):
            if isinstance(reply, bytes):
                top = streams.top(StreamEntry(reply, {b"o": self._me.encode()}))
                won[each.job_id] = each._replace(top=top)
            else:
                lost.append(each.job_id)
        send([command("SREM", mine, *lost)] if lost else [])
        return won

    def _next_claim(self, left: Left) -> Command:
        assert left.top is not None
        known = Own(settled=left.own.settled)
        return streams.claim(self._keys.job(left.job_id), left.top.epoch + 1, self._me, known)

    def _bar(self, send: Send, unmade: Sequence[Left]) -> None:
        """Keep their owner, should it only have been paused, from making them after all."""
        commands = []
        for each in unmade:
            key = self._keys.job(each.job_id)
            commands.append(streams.claim(key, 2, self._me, Own(), make=True))
            commands.append(command("EXPIRE", key, DAY))
        send(commands)

    def _tidy(
        self, send: Send, left: Sequence[Left], taken: Collection[str], empty: Sequence[str]
    ) -> None:
        done: dict[str, list[str]] = {}
        for each in left:
            if each.owner != self._me or each.job_id not in taken:
                done.setdefault(each.owner, []).append(each.job_id)
        commands = [command("SREM", self._keys.owner(owner), *ids) for owner, ids in done.items()]
        send([*commands, command("HDEL", self._keys.replicas, *empty)] if empty else commands)


def _left(
    owner: str, job_id: str, first: Sequence[StreamEntry], last: Sequence[StreamEntry]
) -> Left:
    own = Own()
    for entry in first:
        with suppress(MsgspecError):  # of another version: taken over all the same
            own.listing = streams.listing(entry)
    top = streams.top(last[0]) if last else None
    own.settled = top.settled if top else 0
    return Left(owner, job_id, top, own)


def _abandoned(left: Left) -> Abandoned:
    assert left.top is not None
    attempts = left.top.epoch - max(1, left.own.settled)
    return Abandoned(left.job_id, left.top.epoch, attempts, settled=left.own.settled > 0)
