"""Packets in Redis: each replica's inbox is a stream that vanishes when nobody looks after it."""

from collections.abc import Sequence
from typing import Final

import trio

from legato.storage.redis.client import Client, Send
from legato.storage.redis.commands import (
    Command,
    StreamEntry,
    add,
    array,
    command,
    entries,
    last,
    text,
)
from legato.storage.redis.keys import Keys

MOST: Final = 2000
"""Packets that wait, roughly; of a replica that does not take them the oldest are lost."""

TURN: Final = 1.0
"""Seconds to wait for packets at a time, and between two looks after the inbox; less where an
answer must come sooner than that.
"""


class RedisPost:
    """`receive` alone owns the inbox: makes it, empties it, knows how far it was read."""

    def __init__(self, client: Client, keys: Keys, me: str, lease: float, patience: float) -> None:
        """`patience`: seconds within which every answer must come."""
        self._client = client
        self._keys = keys
        self._inbox = keys.inbox(me)
        self._lifetime = max(1, round(10 * lease))  # whole seconds, as EXPIRE takes them
        self._sending = trio.CapacityLimiter(1)  # in order
        self._receiving = trio.CapacityLimiter(1)
        self._read = b"0-0"
        self._turn = min(TURN, patience / 2)
        self._tended = -TURN

    async def send(self, packets: Sequence[tuple[str, bytes]]) -> None:
        def work(send: Send) -> None:
            send(
                [add(self._keys.inbox(to), "*", {"p": packet}, most=MOST) for to, packet in packets]
            )

        await self._client.run(work, self._sending)

    async def receive(self) -> Sequence[bytes]:
        while True:
            if trio.current_time() >= self._tended + self._turn:
                await self.tend()
            if new := await self._client.run(self._wait, self._receiving, abandon=True):
                self._read = new[-1].id
            if packets := [entry.fields[b"p"] for entry in new if b"p" in entry.fields]:
                return packets

    async def tend(self) -> None:
        """Make the inbox where there is none, let it live on, and drop what was read."""
        self._read = await self._client.run(self._tend, self._receiving, abandon=True)
        self._tended = trio.current_time()

    def _wait(self, send: Send) -> list[StreamEntry]:
        block = ("BLOCK", round(self._turn * 1000))
        words = ("XREAD", *block, "STREAMS", self._inbox, self._read)
        [reply] = send([Command(self._inbox, words)])
        return [entry for stream in array(reply) for entry in entries(array(stream)[1])]

    def _tend(self, send: Send) -> bytes:
        """The id up to which it was read."""
        lives = command("EXPIRE", self._inbox, self._lifetime)
        read = command("XTRIM", self._inbox, "MINID", self._read)
        _, _, reply = send([lives, read, last(self._inbox)])
        if newest := entries(reply):
            # Where Redis lost what was read last, its ids may begin again below that.
            return min(self._read, newest[0].id, key=_order)
        made, _ = send([add(self._inbox, "*", {"me": ""}, make=True), lives])
        return text(made)


def _order(entry_id: bytes) -> tuple[int, int]:
    milliseconds, sequence = entry_id.split(b"-")
    return int(milliseconds), int(sequence)
