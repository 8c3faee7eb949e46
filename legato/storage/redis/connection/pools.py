"""Connections to Redis: the one place that calls redis-py's untyped parts."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol, cast

from redis import Redis
from redis.backoff import NoBackoff
from redis.connection import (
    Connection,
    ConnectionPool,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.retry import Retry
from redis.sentinel import Sentinel

from legato.storage.redis.connection.address import Address, Place
from legato.storage.redis.connection.commands import RedisReply


class Wire(Protocol):
    """A connection; its methods block, and raise RedisError or OSError where they fail."""

    def send_packed_command(self, command: Sequence[bytes], /) -> None: ...

    def read_response(self) -> RedisReply:
        """Raises ResponseError for the server's error about the command."""
        ...

    def disconnect(self) -> None: ...


class Pool(Protocol):
    """Connections to one place; `get_connection` makes connections, and blocks."""

    def get_connection(self) -> Wire: ...

    def release(self, connection: Wire, /) -> None: ...

    def disconnect(self) -> None: ...


class Socket(Protocol):
    """The used part of a socket, plain or TLS."""

    def fileno(self) -> int: ...

    def setblocking(self, flag: bool, /) -> None: ...

    def send(self, data: memoryview, /) -> int: ...

    def recv(self, size: int, /) -> bytes: ...


def socket_of(connection: Wire) -> Socket:
    """The connection's socket, for which redis-py has no public name."""
    return cast("Socket", connection._sock)  # type: ignore[attr-defined]


_pool: Final = cast("Callable[..., Pool]", ConnectionPool)
_sentinel: Final = cast("Callable[..., Sentinel]", Sentinel)

# An idle connection closed by its server is noticed when the pool hands the connection out.
# Nothing else is tried again here: a packet must not arrive twice.
_NO_RETRY: Final = Retry(NoBackoff(), 0)


def tcp_pool(address: Address, place: Place, timeout: float) -> Pool:
    kind = SSLConnection if address.tls else Connection
    host, port = place
    options = {**address.options, **_settings(timeout), "socket_connect_timeout": timeout}
    return _pool(connection_class=kind, host=host, port=port, **options)


def unix_pool(address: Address, timeout: float) -> Pool:
    options = {**address.options, **_settings(timeout)}
    return _pool(connection_class=UnixDomainSocketConnection, **options)


def sentinel_pool(address: Address, timeout: float) -> Pool:
    """Connections to whichever server the Sentinels call the master when each is made."""
    tls = {name: value for name, value in address.options.items() if name.startswith("ssl_")}
    settings = {**_settings(timeout), "socket_connect_timeout": timeout, "ssl": address.tls}
    sentinel = _sentinel(
        address.places,
        sentinel_kwargs={**tls, **address.sentinel, **settings},
        **{**address.options, **settings},
    )
    master = cast("Callable[[str], Redis]", sentinel.master_for)(address.master)
    return cast("Pool", master.connection_pool)


def _settings(timeout: float) -> Mapping[str, object]:
    # Protocol 2 has the same form for every reply, also of older servers.
    return {"socket_timeout": timeout, "protocol": 2, "retry": _NO_RETRY}
