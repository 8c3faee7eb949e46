"""The destinations of commands: a server, a master named by Sentinels, or a Cluster."""

from collections.abc import Sequence
from typing import Final, Protocol

from legato.storage.redis.connection.address import Address
from legato.storage.redis.connection.commands import Answer, Command, Word
from legato.storage.redis.connection.exchange import Parcel, exchange
from legato.storage.redis.connection.pools import Pool, sentinel_pool, tcp_pool, unix_pool


class Nodes(Protocol):
    """All methods block, and raise RedisError or OSError where Redis cannot be used."""

    @property
    def keys_at_once(self) -> int:
        """The number of arbitrary keys that a script may have."""
        ...

    def run(self, commands: Sequence[Command]) -> list[Answer]: ...

    def everywhere(self, words: tuple[Word, ...]) -> list[Answer]:
        """The answer of each server that takes writes."""
        ...

    def pool(self, key: bytes) -> Pool:
        """Connections to the server that has this key now."""
        ...

    def close(self) -> None: ...


class SingleServer:
    """One server: the server that is found when a connection is made."""

    keys_at_once: Final = 50
    """Few enough for no script to hold the server up for a millisecond."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def run(self, commands: Sequence[Command]) -> list[Answer]:
        return exchange([Parcel(self._pool, [each.words for each in commands])])[0]

    def everywhere(self, words: tuple[Word, ...]) -> list[Answer]:
        return exchange([Parcel(self._pool, [words])])[0]

    def pool(self, key: bytes) -> Pool:
        return self._pool

    def close(self) -> None:
        self._pool.disconnect()


def make_server(address: Address, timeout: float) -> SingleServer:
    """A server or a master, not connected yet."""
    if address.kind == "sentinel":
        return SingleServer(sentinel_pool(address, timeout))
    if not address.places:
        return SingleServer(unix_pool(address, timeout))
    return SingleServer(tcp_pool(address, address.places[0], timeout))
