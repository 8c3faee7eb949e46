"""One client's connection from the first byte to the last: freed when the client leaves."""

import math
from collections.abc import Callable
from typing import Any, Final, cast

import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol import ProtocolWrapper
from hypercorn.protocol.h11 import H2ProtocolAssumedError
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from hypercorn.utils import parse_socket_addr

from legato.http.server.transport.client_stream import READ, ClientStream
from legato.http.server.transport.frames import FrameWriter
from legato.http.server.transport.http1 import Http1
from legato.http.server.transport.http2 import Http2
from legato.http.server.transport.websockets import WebSocketStream

CLOSE_TIMEOUT: Final = 1.0  # seconds to send the end; then the connection is cut


class ConnectionServer(TCPServer):
    """Hypercorn's server of a connection, without the task that waits for a next request.

    Hypercorn's task outlived the client by all of `keep_alive_timeout`, and kept the connection
    and the descriptor.  Here the only reading task has a deadline.
    """

    protocol: "Protocol"

    def __init__(
        self,
        app: ASGIWrapper,
        config: Config,
        context: WorkerContext,
        client: ClientStream,
        *,
        http2: bool,
        patience: float,
        direct: bool,
    ) -> None:
        """`patience`: seconds in which a client must take the waiting bytes of an HTTP/2 stream.

        `direct`: whether a WebSocket's application may write frames to the connection.
        """
        super().__init__(app, config, context, ConnectionState({}), cast("Any", client))
        self._client = client
        self._frames = FrameWriter(client)
        self._direct = direct
        self._http2 = http2
        self._patience = patience

    async def run(self) -> None:
        try:
            async with TaskGroup() as self._task_group:
                self.protocol = self._begin()
                self._await_request()
                await self._read_data()
        except OSError:
            pass
        finally:
            with trio.move_on_after(CLOSE_TIMEOUT, shield=True):
                await self._close()

    def _begin(self) -> "Protocol":
        socket = self._client.socket
        peers = (
            parse_socket_addr(socket.family, name)
            for name in (socket.getpeername(), socket.getsockname())
        )
        place = self.app, self.config, self.context, self._task_group, ConnectionState(self.state)
        parts = *place, False, *peers
        http1 = Http1(
            *(*parts, self._send_at_once),
            read=self._client.receive_some,
            http2=self._http2,
            writer=self._frames if self._direct else None,
        )
        return Protocol(http1, lambda: Http2(*parts, self.protocol_send, patience=self._patience))

    async def _read_data(self) -> None:
        """As Hypercorn's, without a second deadline: the client's stream has a deadline."""
        data: bytes | bytearray = b"."
        while data:
            try:
                data = await self._client.receive_some(READ)
            except (trio.ClosedResourceError, trio.BrokenResourceError, trio.TooSlowError):
                break
            await self.protocol.handle(RawData(bytes(data)))
        await self.protocol.handle(Closed())

    async def _send_at_once(self, event: Event) -> None:
        """Send for HTTP/1.1: bytes taken by the kernel now cost neither a lock nor a turn."""
        if isinstance(event, RawData) and not self.protocol.answers_requests:
            await self._send_frames(event.data)
            return
        if isinstance(event, RawData) and not self.send_lock.locked():
            if sent := self._client.write(event.data):
                event = RawData(event.data[sent:])
            if not event.data:
                return
        await self.protocol_send(event)

    async def _send_frames(self, frames: bytes) -> None:
        self._frames.write(frames)
        try:
            await self._frames.flush()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            await self.protocol.handle(Closed())

    async def protocol_send(self, event: Event) -> None:
        if not isinstance(event, Updated):
            await super().protocol_send(event)
        elif event.idle:
            self._await_request()
        else:
            self._client.expect(math.inf)

    def _await_request(self) -> None:
        is_last = self.context.terminated.is_set()
        self._client.expect(0 if is_last else self.config.keep_alive_timeout)


class Protocol(ProtocolWrapper):
    """HTTP/1.1 at first; HTTP/2 from the preface of a client on."""

    def __init__(self, http1: Http1, http2: Callable[[], Http2]) -> None:
        self.protocol = http1
        self._http2 = http2

    @property
    def answers_requests(self) -> bool:
        """Whether no WebSocket was begun, all of whose bytes leave by the FrameWriter."""
        return not isinstance(getattr(self.protocol, "stream", None), WebSocketStream)

    async def handle(self, event: Event) -> None:
        try:
            await self.protocol.handle(event)
        except H2ProtocolAssumedError as begun:
            self.protocol = self._http2()
            await self.protocol.initiate()
            await self.protocol.send(Updated(idle=True))  # until the client's first request
            await self.protocol.handle(RawData(begun.data))
