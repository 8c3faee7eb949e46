"""Counts in Redis of the requests to all replicas together."""

import time
from collections.abc import Sequence
from typing import Final

import trio
from limits import RateLimitItem

from legato.storage.rate_windows import Counts, RateWindow, hit
from legato.storage.redis.connection.client import Client, Send
from legato.storage.redis.connection.commands import command, number, script, text
from legato.storage.redis.key_names import Keys

THREADS: Final = 8  # counts that Redis answers while a count is on the way

_INCREMENT: Final = """
local count = redis.call('INCRBY', KEYS[1], ARGV[1])
if count == tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return count
"""


class RedisWindows:
    """A counter expires with its window, and nothing is left to be cleaned up."""

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys
        self._threads = trio.CapacityLimiter(THREADS)

    async def hit(self, rates: Sequence[RateLimitItem], who: str) -> RateWindow:
        def work(send: Send) -> RateWindow:
            return hit(_RedisCounts(send, self._keys), rates, who, time.time())

        return await self._client.run(work, self._threads, abandon=True)


class _RedisCounts(Counts):
    """Over our own connections, since `limits` does not know all forms of LEGATO_REDIS_URL."""

    def __init__(self, send: Send, keys: Keys) -> None:
        super().__init__()
        self._send = send
        self._keys = keys

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        key_there = self._keys.window(key)
        [reply] = self._send([script(_INCREMENT, [key_there], amount, int(expiry * 1000))])
        return number(reply)

    def get(self, key: str) -> int:
        [reply] = self._send([command("GET", self._keys.window(key))])
        return 0 if reply is None else int(text(reply))

    def get_expiry(self, key: str) -> float:
        [reply] = self._send([command("PTTL", self._keys.window(key))])
        return time.time() + max(0, number(reply)) / 1000
