"""Bans that all replicas see at once, also replicas with databases of their own."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, NamedTuple

import structlog
import trio
from msgspec import json

from legato.storage.clock import Clock, microseconds, moment
from legato.storage.contracts.bans import Ban, Bans
from legato.storage.contracts.errors import StorageError
from legato.storage.redis.connection.client import Client, Send
from legato.storage.redis.connection.commands import RedisReply, array, command, text
from legato.storage.redis.key_names import Keys

log = structlog.get_logger()


class _Member(NamedTuple):
    """A ban as a member of the sorted set, whose score is the end of the ban."""

    subject: str
    kind: str
    score: int


class SharedBans:
    """A ban is in force where the database or Redis has the ban.

    A ban holds while either store is away, and comes back with either.  Violations add up in the
    database.
    """

    def __init__(self, bans: Bans, client: Client, keys: Keys, clock: Clock) -> None:
        self._bans = bans
        self._client = client
        self._key: Final = keys.bans
        self._clock = clock
        self._one_at_a_time = trio.CapacityLimiter(1)

    async def blame(
        self, subjects: Sequence[str], kind: str, score: int, *, lifetime: timedelta
    ) -> Sequence[int]:
        return await self._bans.blame(subjects, kind, score, lifetime=lifetime)

    async def ban(self, bans: Sequence[Ban]) -> None:
        await self._bans.ban(bans)

        def work(send: Send) -> None:
            # GT: a longer ban stays.
            send(
                [command("ZADD", self._key, "GT", microseconds(b.until), _member(b)) for b in bans]
            )

        try:
            await self._client.run(work, self._one_at_a_time)
        except StorageError as error:
            log.warning("a ban is in the database only", error=str(error))

    async def in_force(self, *, limit: int) -> Sequence[Ban]:
        found = [*await self._bans.in_force(limit=limit)]
        now = microseconds(self._clock())

        def work(send: Send) -> Sequence[RedisReply]:
            _, reply = send(
                [
                    command("ZREMRANGEBYSCORE", self._key, "-inf", now),
                    command("ZREVRANGE", self._key, 0, limit - 1, "WITHSCORES"),
                ]
            )
            return array(reply)

        try:
            replies = await self._client.run(work, self._one_at_a_time, abandon=True)
        except StorageError:
            return found  # Raises StorageError, and lifts nothing, where Redis cannot be used.
        words = [text(reply) for reply in replies]
        found += [_ban(*pair) for pair in zip(words[::2], words[1::2], strict=True)]
        longest = {ban.subject: ban for ban in sorted(found, key=lambda ban: ban.until)}
        return sorted(longest.values(), key=lambda ban: ban.until, reverse=True)[:limit]

    async def lift(self, subject: str) -> bool:
        """Raises StorageError, and lifts nothing, where Redis cannot be asked to."""

        def work(send: Send) -> int:
            [reply] = send([command("ZRANGE", self._key, 0, -1)])
            members = [member for member in map(text, array(reply)) if _of(member) == subject]
            send([command("ZREM", self._key, *members)] if members else [])
            return len(members)

        shared = await self._client.run(work, self._one_at_a_time)
        return await self._bans.lift(subject) or shared > 0


def _member(ban: Ban) -> bytes:
    return json.encode(_Member(ban.subject, ban.kind, ban.score))


def _of(member: bytes) -> str:
    return json.decode(member, type=_Member).subject


def _ban(member: bytes, until: bytes) -> Ban:
    subject, kind, score = json.decode(member, type=_Member)
    return Ban(subject=subject, kind=kind, score=score, until=moment(int(float(until))))
