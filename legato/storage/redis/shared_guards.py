"""Opens what the guards of all replicas share in Redis."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import trio
from msgspec import Struct

from legato.storage.clock import Clock, utc_now
from legato.storage.contracts.bans import Bans
from legato.storage.redis.bans import SharedBans
from legato.storage.redis.connection.address import parse_address
from legato.storage.redis.connection.client import Client
from legato.storage.redis.key_names import Keys
from legato.storage.redis.rate_windows import RedisWindows
from legato.storage.redis.replication import CLOSE_TIMEOUT, make_nodes

TIMEOUT: Final = 1.0
"""Seconds for an answer: a guard lets a request through rather than wait longer for a count."""


class SharedGuards(Struct, frozen=True):
    """The guards' shared counts and bans.

    `watch` runs for ever: while `watch` runs, requests that would wait in vain are refused at once.
    """

    windows: RedisWindows
    bans: SharedBans
    watch: Callable[[], Awaitable[None]]


@asynccontextmanager
async def open_shared(
    redis_url: str,
    bans: Bans,
    *,
    prefix: str = "legato",
    socket_timeout: float = TIMEOUT,
    clock: Clock = utc_now,
) -> AsyncIterator[SharedGuards]:
    """Open the shared guards until the block ends; nothing is connected before the first use.

    `bans` are the database's.

    Raises:
        StorageError: if the URL is not allowed; the message names the setting LEGATO_REDIS_URL.
    """
    nodes = make_nodes(parse_address(redis_url), socket_timeout)
    client, keys = Client(nodes, socket_timeout), Keys(prefix)
    try:
        shared_bans = SharedBans(bans, client, keys, clock)
        yield SharedGuards(RedisWindows(client, keys), shared_bans, client.breaker.run)
    finally:
        # Shielded: a server that is cancelled must not leave connections to the collector.
        with trio.move_on_after(CLOSE_TIMEOUT, shield=True):
            await client.aclose()
