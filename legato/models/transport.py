"""HTTP/1.1 over Trio's own streams, under httpx: a streamed body costs a read and no more.

httpx hands a body through five generators, and h11 makes objects of each piece of a body.  Together
both cost more than all other work on a token. llhttp, which httptools binds, is Node's parser.
"""

import math
import select
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx
import trio
from msgspec import Struct

from legato.models.exchange import BODY, BodyStream, Exchange

MOST_IDLE: Final = 20  # idle connections to an origin
LONGEST_IDLE: Final = 30.0  # seconds; most servers and balancers close theirs after 60 or more

_PORTS: Final = {"http": 80, "https": 443}

HostOrigin = tuple[str, str, int]


class _Idle(Struct, frozen=True):
    stream: trio.abc.Stream
    since: float


class TrioTransport(httpx.AsyncBaseTransport):
    """Connections without number, of which some are kept for the next request.

    `trust_env`: whether the environment's SSL_CERT_FILE and SSL_CERT_DIR count.
    """

    def __init__(self, *, trust_env: bool = True, context: ssl.SSLContext | None = None) -> None:
        self._trust_env = trust_env
        self._context = context
        self._idle: defaultdict[HostOrigin, list[_Idle]] = defaultdict(list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises httpx.TransportError, as httpx's own transport does."""
        timeouts = request.extensions.get("timeout", {})
        origin = _origin(request.url)
        deadline = trio.current_time() + (timeouts.get("connect") or math.inf)
        stream = await self._take(origin) or await self._connect(origin, deadline)
        exchange = Exchange(stream, timeouts.get("read"))
        async with _closed_on_error(stream):
            await exchange.send(request)
            await exchange.read_head()

        async def finish(exchange: Exchange) -> None:
            await self._put(origin, stream, is_reusable=exchange.is_reusable)

        body = BodyStream(exchange, finish)
        extensions = {"http_version": b"HTTP/1.1", "reason_phrase": exchange.reason, BODY: body}
        return httpx.Response(
            exchange.status, headers=exchange.headers, stream=body, extensions=extensions
        )

    async def aclose(self) -> None:
        idle = [each for kept in self._idle.values() for each in kept]
        self._idle.clear()
        for each in idle:
            await trio.aclose_forcefully(each.stream)

    async def _take(self, origin: HostOrigin) -> trio.abc.Stream | None:
        """The connection that was used last, if any is still usable."""
        kept = self._idle[origin]
        while kept:
            found = kept.pop()
            is_fresh = trio.current_time() - found.since < LONGEST_IDLE
            if is_fresh and not _has_something_to_say(found.stream):
                return found.stream
            await trio.aclose_forcefully(found.stream)
        return None

    async def _put(self, origin: HostOrigin, stream: trio.abc.Stream, *, is_reusable: bool) -> None:
        kept = self._idle[origin]
        if is_reusable:
            kept.append(_Idle(stream, trio.current_time()))
            if len(kept) <= MOST_IDLE:
                return
            stream = kept.pop(0).stream
        with trio.CancelScope(shield=True):  # closing a socket does not wait
            await trio.aclose_forcefully(stream)

    async def _connect(self, origin: HostOrigin, deadline: float) -> trio.abc.Stream:
        scheme, host, port = origin
        with trio.move_on_at(deadline):
            try:
                stream = await trio.open_tcp_stream(host, port)
                return await self._encrypted(stream, host) if scheme == "https" else stream
            except (OSError, trio.BrokenResourceError) as error:
                raise httpx.ConnectError(str(error.__cause__ or error)) from error
        raise httpx.ConnectTimeout("The connection was not made in time.")

    async def _encrypted(self, stream: trio.SocketStream, host: str) -> trio.abc.Stream:
        if self._context is None:
            self._context = httpx.create_ssl_context(trust_env=self._trust_env)
            self._context.set_alpn_protocols(["http/1.1"])
        encrypted = trio.SSLStream(
            stream, self._context, server_hostname=host, https_compatible=True
        )
        async with _closed_on_error(encrypted):
            await encrypted.do_handshake()
        return encrypted


@asynccontextmanager
async def _closed_on_error(stream: trio.abc.Stream) -> AsyncIterator[None]:
    try:
        yield
    except BaseException:
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(stream)
        raise


def _origin(url: httpx.URL) -> HostOrigin:
    if url.scheme not in _PORTS:
        raise httpx.UnsupportedProtocol(f"{url.scheme}:// is not spoken here.")
    return (
        url.scheme,
        url.raw_host.decode("ascii"),
        url.port or (443 if url.scheme == "https" else 80),
    )


def _has_something_to_say(stream: trio.abc.Stream) -> bool:
    """Whether an idle connection was closed by the server, or has unexpected bytes."""
    inner = stream.transport_stream if isinstance(stream, trio.SSLStream) else stream
    assert isinstance(inner, trio.SocketStream)
    readable = select.poll()
    readable.register(inner.socket.fileno(), select.POLLIN)
    return bool(readable.poll(0))
