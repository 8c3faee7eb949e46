"""Signs of life in Redis: a counter for each replica, and each judges by its own clock."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

import trio

from legato.storage.contract import StorageError
from legato.storage.redis.client import Client, Send
from legato.storage.redis.commands import command, number, pairs
from legato.storage.redis.keys import Keys

_LEFT: Final = b"left"


class Sign(NamedTuple):
    """What a replica's counter was, and since when, at the earliest, it has not changed."""

    value: bytes
    since: float


class RedisLiveness:
    """Judges only what it has seen itself: `lease` seconds of looks, none failed, none late."""

    def __init__(self, client: Client, keys: Keys, me: str, lease: float) -> None:
        self.me = me
        self._client = client
        self._keys = keys
        self._lease = lease
        self._one_at_a_time = trio.CapacityLimiter(1)
        self._count = 0
        self._signs: dict[str, Sign] = {}
        self._gone: frozenset[str] = frozenset()
        self._looked: float | None = None

    async def beat(self) -> bool:
        before = trio.current_time()
        try:
            count, found = await self._client.run(self._look, self._one_at_a_time)
        except StorageError:
            self._looked = None
            raise
        self._judge(found, before, trio.current_time())
        # A counter that went back was lost, and all that was told since it stood there.
        kept, self._count = count > self._count, count
        return kept

    def alive(self) -> Collection[str]:
        return self._signs.keys() - self._gone

    def gone(self) -> Collection[str]:
        """The others that were here once."""
        return self._gone

    def drop(self, replicas: Iterable[str]) -> None:
        """Nothing is left of these."""
        for replica in replicas:
            self._signs.pop(replica, None)
        self._gone &= self._signs.keys()

    async def leave(self) -> None:
        gone = command("HSET", self._keys.replicas, self.me, _LEFT)
        await self._client.run(lambda send: send([gone]), self._one_at_a_time)

    def _look(self, send: Send) -> tuple[int, Mapping[str, bytes]]:
        replicas = self._keys.replicas
        count, all_signs = send(
            [command("HINCRBY", replicas, self.me, 1), command("HGETALL", replicas)]
        )
        found = {replica.decode(): value for replica, value in pairs(all_signs).items()}
        return number(count), found

    def _judge(self, found: Mapping[str, bytes], before: float, after: float) -> None:
        """Who of the others is gone; the look was made between these two moments."""
        # After a failed look, or one that was late because this process was paused, the others
        # may have given signs that nobody saw, or have been kept from it as well.
        steady = self._looked is not None and after - self._looked <= self._lease / 2
        self._looked = after
        for replica in (self._signs.keys() | found.keys()) - {self.me}:
            known = self._signs.get(replica)
            value = found.get(replica, known.value if known else b"")
            again = not steady and replica not in self._gone
            if known is None or known.value != value or again:
                self._signs[replica] = Sign(value, after)
        self._gone = frozenset(
            replica
            for replica, sign in self._signs.items()
            if sign.value == _LEFT or before - sign.since >= self._lease
        )
