"""An HTTP/1.1 request on a connection, and the response as the connection brings bytes."""

import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import httptools
import httpx
import trio

READ: Final = 16 * 1024
"""Bytes of a read: some fifty events of a stream that is behind, or half a dozen TLS records."""

MOST_OVERHEAD: Final = 128 * 1024
"""Bytes of heads, chunk sizes and trailers with no byte of a body between: h11 takes 100 KiB."""

BODY: Final = "legato.body"
"""The name of a response's extension with the BodyStream; httpx wraps the stream in its own."""

_FORBIDDEN: Final = (b"\r", b"\n", b"\0")


class Exchange:
    """A request and a response. llhttp calls the `on_…` methods while bytes are fed to the
    parser."""

    def __init__(self, stream: trio.abc.Stream, read_timeout: float | None) -> None:
        self.status = 0
        self.reason = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.has_head = False
        self.is_over = False
        self._stream = stream
        self._timeout = read_timeout
        self._parser = httptools.HttpResponseParser(self)
        self._bodies: list[bytes] = []
        self._overhead = 0
        self._is_kept_alive = False
        self._is_framed = False  # whether the body's own end is told apart from the connection's
        self._is_spoilt = False  # unexpected bytes came

    @property
    def is_reusable(self) -> bool:
        """Whether the connection is ready for a next request."""
        return self.is_over and self._is_kept_alive and not self._is_spoilt

    async def send(self, request: httpx.Request) -> None:
        """Send the request.  A server may refuse before reading all, and the refusal still counts.

        Raises:
            httpx.LocalProtocolError: a header holds a line break.
            httpx.WriteTimeout
        """
        whole = head_of(request) + await request.aread()
        seconds = request.extensions.get("timeout", {}).get("write")
        with _within(seconds, httpx.WriteTimeout), suppress(trio.BrokenResourceError):
            await self._stream.send_all(whole)

    async def read_head(self) -> None:
        """Raises httpx.ReadError, httpx.ReadTimeout, httpx.RemoteProtocolError."""
        while not self.has_head:
            if not await self._feed():
                raise httpx.RemoteProtocolError("Server disconnected without sending a response.")

    async def read(self) -> bytes:
        """The bytes of the body from a read of the connection; b"" at the end.

        Raises:
            httpx.ReadError, httpx.ReadTimeout: the connection broke, or was silent for too long.
            httpx.RemoteProtocolError: the connection ended too early, or the bytes are no HTTP.
        """
        while not (self._bodies or self.is_over):
            if not await self._feed():
                self._end()
        body, self._bodies = b"".join(self._bodies), []
        return body

    def on_status(self, reason: bytes) -> None:
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.has_head:  # otherwise a trailer
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self.has_head = self.status >= 200
        names = {name.lower() for name, _ in self.headers}
        self._is_framed = not names.isdisjoint((b"content-length", b"transfer-encoding"))

    def on_body(self, body: bytes) -> None:
        self._bodies.append(body)
        self._overhead = 0

    def on_message_begin(self) -> None:
        self._is_spoilt = self.is_over
        self.reason = b""
        self.headers = []

    def on_message_complete(self) -> None:
        self.is_over = self.has_head
        self._is_kept_alive = self._parser.should_keep_alive()

    async def _feed(self) -> bool:
        """Read once; False where the connection has ended."""
        data = await self._receive()
        self._overhead += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._is_spoilt = True
            if not self.is_over:  # what follows the end is not ours to judge
                raise httpx.RemoteProtocolError(f"The response is no HTTP/1.1: {error}") from error
        if self._overhead > MOST_OVERHEAD:
            raise httpx.RemoteProtocolError(f"More than {MOST_OVERHEAD} bytes and no body.")
        return bool(data)

    async def _receive(self) -> bytes:
        try:
            if self._timeout is None:
                return await _received(self._stream)
            with _within(self._timeout, httpx.ReadTimeout):
                return await _received(self._stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise httpx.ReadError(str(error.__cause__ or error)) from error

    def _end(self) -> None:
        """End with the connection; the body has ended, too, unless a header says otherwise."""
        if self._is_framed:
            raise httpx.RemoteProtocolError("The connection ended before the body did.")
        self.is_over = self._is_spoilt = True


class BodyStream(httpx.AsyncByteStream):
    """The body of a response.  `finish` gets the exchange when nobody reads on."""

    def __init__(self, exchange: Exchange, finish: Callable[[Exchange], Awaitable[None]]) -> None:
        self._exchange = exchange
        self._finish = finish
        self._is_closed = False
        self.read = exchange.read

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        while read := await self.read():
            yield read

    async def aclose(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            await self._finish(self._exchange)


async def _received(stream: trio.abc.Stream) -> bytes:
    """The bytes of one read; b"" at the end.

    A stream of tokens is nearly always read empty.  To wait first, and then to read, costs half of
    what Trio's own order does, which tries to read, fails, waits, and tries again.
    """
    if not isinstance(stream, trio.SocketStream):
        return bytes(await stream.receive_some(READ))
    while True:
        await trio.lowlevel.wait_readable(stream.socket)
        try:
            return os.read(stream.socket.fileno(), READ)
        except BlockingIOError:
            continue  # woken for nothing
        except OSError as error:
            raise trio.BrokenResourceError from error


def head_of(request: httpx.Request) -> bytes:
    """The head's bytes.  Raises httpx.LocalProtocolError if a header holds a line break."""
    lines = [b"%b %b HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
    lines += [b"%b: %b" % (name, value) for name, value in request.headers.raw]
    if any(bad in line for line in lines for bad in _FORBIDDEN):
        raise httpx.LocalProtocolError("A header has a line break in it.")
    return b"\r\n".join([*lines, b"", b""])


@contextmanager
def _within(seconds: float | None, error: type[httpx.TimeoutException]) -> Iterator[None]:
    with trio.CancelScope() as scope:
        if seconds is not None:
            scope.deadline = trio.current_time() + seconds
        yield
    if scope.cancelled_caught:
        raise error(f"Nothing for {seconds:g} seconds.")
