"""Opens replication over Redis, as one replica."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from secrets import token_hex
from typing import Final

import trio
from msgspec import Struct

from legato.storage.contracts.errors import StorageError
from legato.storage.redis.connection.address import Address, Kind, parse_address, refusal
from legato.storage.redis.connection.client import Client, translated
from legato.storage.redis.connection.cluster import Cluster
from legato.storage.redis.connection.lines import Lines
from legato.storage.redis.connection.nodes import Nodes, make_server
from legato.storage.redis.directory import RedisDirectory
from legato.storage.redis.inbox import RedisPost
from legato.storage.redis.journal import RedisJournal
from legato.storage.redis.key_names import Keys
from legato.storage.redis.liveness import RedisLiveness
from legato.storage.redis.notices import RedisNotices
from legato.storage.redis.own_jobs import OwnJobs
from legato.storage.redis.version_check import require_fit

TIMEOUT: Final = 5.0
"""Seconds to connect, and for an answer: a slower server is taken to be down."""

CLOSE_TIMEOUT: Final = 0.5
"""Seconds to close the connections, which waits for nothing."""


class RedisReplication(Struct, frozen=True):
    """The parts of one replica, whose id is `me`.

    `watch` runs for ever: while `watch` runs, requests that would wait in vain are refused at once.
    """

    me: str
    journal: RedisJournal
    directory: RedisDirectory
    liveness: RedisLiveness
    post: RedisPost
    notices: RedisNotices
    watch: Callable[[], Awaitable[None]]


@asynccontextmanager
async def open_replication(
    redis_url: str, *, prefix: str = "legato", lease: float, socket_timeout: float = TIMEOUT
) -> AsyncIterator[RedisReplication]:
    """Be a replica, alive and with an inbox, until the block ends; the end is no `leave`.

    `prefix` begins every key; `lease` and `socket_timeout` are in seconds.

    Raises:
        StorageError: if the URL is not allowed, or the Redis cannot be reached, is too old or
            cannot be written to; the message names the setting LEGATO_REDIS_URL.
    """
    address = parse_address(redis_url)
    if not prefix or set("{}") & set(prefix):
        raise StorageError(f"A prefix of Redis's keys is a text without braces; found {prefix!r}.")
    client = Client(nodes := make_nodes(address, socket_timeout), socket_timeout)
    stack = ExitStack()
    try:
        asking = Lines(client, nodes, socket_timeout)
        # A connection that waits for packets or notices has no turn for anything else.
        sending, receiving, watching = (
            Lines(client, nodes, socket_timeout, anyway=True) for _ in range(3)
        )
        for lines in (sending, receiving, watching, asking):
            stack.callback(lines.close)
        parts = sending, receiving, watching, asking
        replication = _replication(client, *parts, Keys(prefix), lease)
        try:
            await trio.to_thread.run_sync(_require_fit, nodes, address.kind, abandon_on_cancel=True)
            await replication.post.tend()  # before anybody can know of this replica
            await replication.liveness.beat()
        except StorageError as error:
            raise refusal(redis_url, str(error).rstrip(".")) from error
        yield replication
    finally:
        # Shielded: a server that is cancelled must not leave connections to the collector.
        with trio.move_on_after(CLOSE_TIMEOUT, shield=True), stack:
            await client.aclose()


def make_nodes(address: Address, timeout: float) -> Nodes:
    """The nodes of an address, not connected yet."""
    return Cluster(address, timeout) if address.kind == "cluster" else make_server(address, timeout)


def _require_fit(nodes: Nodes, kind: Kind) -> None:
    with translated():
        require_fit(nodes, kind)


def _replication(
    client: Client,
    sending: Lines,
    receiving: Lines,
    watching: Lines,
    asking: Lines,
    keys: Keys,
    lease: float,
) -> RedisReplication:
    me, own = token_hex(16), OwnJobs()
    liveness = RedisLiveness(client, keys, me, lease)
    return RedisReplication(
        me=me,
        journal=RedisJournal(client, keys, liveness, own),
        directory=RedisDirectory(client, asking, keys, liveness, own),
        liveness=liveness,
        post=RedisPost(sending, receiving, keys, me, lease),
        notices=RedisNotices(sending, watching, keys, me),
        watch=client.breaker.run,
    )
