"""Packets in Redis: each replica's inbox is a stream that expires without its replica."""

from collections.abc import Sequence
from typing import Final

import trio

from legato.storage.redis.connection.commands import (
    Command,
    StreamEntry,
    add,
    array,
    command,
    entries,
    last,
    text,
)
from legato.storage.redis.connection.lines import Lines
from legato.storage.redis.key_names import Keys

MOST: Final = 2000
"""Packets that wait, roughly; a replica that does not take packets loses the oldest."""

TURN: Final = 1.0
"""Seconds to wait for packets at a time, and between two looks after the inbox; less where an
answer must come sooner."""


class RedisPost:
    """`receive` alone owns the inbox: makes and empties the stream, and notes the last read."""

    def __init__(self, sending: Lines, receiving: Lines, keys: Keys, me: str, lease: float) -> None:
        self._sending = sending
        self._receiving = receiving
        self._keys = keys
        self._inbox = keys.inbox(me)
        self._lifetime = max(1, round(10 * lease))  # in whole seconds, for EXPIRE
        self._read = b"0-0"
        self._tended = -TURN

    async def send(self, packets: Sequence[tuple[str, bytes]]) -> None:
        await self._sending.run(
            [add(self._keys.inbox(to), "*", {"p": packet}, most=MOST) for to, packet in packets]
        )

    async def receive(self) -> Sequence[bytes]:
        while True:
            if trio.current_time() >= self._tended + TURN:
                await self.tend()
            if new := await self._wait():
                self._read = new[-1].id
            if packets := [entry.fields[b"p"] for entry in new if b"p" in entry.fields]:
                return packets

    async def tend(self) -> None:
        """Make the inbox where there is none, extend the inbox's life, and drop read packets."""
        lives = command("EXPIRE", self._inbox, self._lifetime)
        read = command("XTRIM", self._inbox, "MINID", self._read)
        _, _, reply = await self._receiving.run([lives, read, last(self._inbox)])
        if newest := entries(reply):
            # Where Redis lost the entry that was read last, new ids may begin below that entry.
            self._read = min(self._read, newest[0].id, key=_order)
        else:
            made = add(self._inbox, "*", {"me": ""}, make=True)
            self._read = text((await self._receiving.run([made, lives]))[0])
        self._tended = trio.current_time()

    async def _wait(self) -> list[StreamEntry]:
        block = ("BLOCK", round(TURN * 1000))
        words = ("XREAD", *block, "STREAMS", self._inbox, self._read)
        [reply] = await self._receiving.run([Command(self._inbox, words)], block=TURN)
        return [entry for stream in array(reply) for entry in entries(array(stream)[1])]


def _order(entry_id: bytes) -> tuple[int, int]:
    milliseconds, sequence = entry_id.split(b"-")
    return int(milliseconds), int(sequence)
