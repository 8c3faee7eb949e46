"""A client that speaks HTTP/2 by prior knowledge, on a socket of its own."""

from collections import deque
from typing import Any, TypeVar

import h2.config
import h2.connection
import h2.events
import h2.settings
import hyperframe.frame
import trio
from h2.events import ResponseReceived, StreamEnded, StreamReset

from tests.support.http.live_server import LiveServer
from tests.support.http.raw_client import Cut, RawClient

Seen = TypeVar("Seen", ResponseReceived, StreamEnded, StreamReset)


class Http2Client:
    def __init__(self, raw: RawClient, token: str) -> None:
        self._stream = raw.stream
        self._seen = deque[Any]()
        self.goodbye: int | None = None  # why the server ended the connection
        self._token = token
        configuration = h2.config.H2Configuration(header_encoding="utf-8")
        self._http = h2.connection.H2Connection(configuration)

    @classmethod
    async def connect(cls, server: LiveServer, *, window: int | None = None) -> "Http2Client":
        """`window`: bytes of each stream that it takes, if not as many as usual."""
        client = cls(await server.connect(), server.token)
        await client.greet()
        if window is not None:
            initial = h2.settings.SettingCodes.INITIAL_WINDOW_SIZE
            client._http.update_settings({initial: window})
            await client._flush()
        return client

    async def greet(self) -> None:
        self._http.initiate_connection()
        await self._flush()

    async def drop(self) -> None:
        await trio.aclose_forcefully(self._stream)

    async def __aenter__(self) -> "Http2Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await trio.aclose_forcefully(self._stream)

    async def ask(self, path: str) -> int:
        stream_id: int = self._http.get_next_available_stream_id()
        head = [(":method", "GET"), (":scheme", "http"), (":authority", "legato"), (":path", path)]
        authorized = [*head, ("authorization", f"Bearer {self._token}")]
        self._http.send_headers(stream_id, authorized, end_stream=True)
        await self._flush()
        return stream_id

    async def data(self, stream_id: int, data: bytes, *, end: bool = False) -> None:
        """Send it whatever the stream's state is by now."""
        frame = hyperframe.frame.DataFrame(stream_id, data, flags=["END_STREAM"] if end else [])
        await self._stream.send_all(frame.serialize())

    async def flood(self, count: int) -> None:
        """Ask and take it back, so often, at once."""
        head = [(":method", "GET"), (":scheme", "http"), (":authority", "x"), (":path", "/healthz")]
        for _ in range(count):
            stream_id = self._http.get_next_available_stream_id()
            self._http.send_headers(stream_id, head, end_stream=True)
            self._http.reset_stream(stream_id)
        try:
            await self._flush()
        except trio.BrokenResourceError:
            raise Cut from None

    async def open_websocket(self, path: str) -> int:
        head = [(":method", "CONNECT"), (":protocol", "websocket"), ("sec-websocket-version", "13")]
        return await self.begin(path, *head)

    async def begin(self, path: str, *head: tuple[str, str]) -> int:
        """Ask, and leave open that more may come."""
        stream_id: int = self._http.get_next_available_stream_id()
        place = [(":scheme", "http"), (":authority", "legato"), (":path", path)]
        own = [field for field in head if field[0].startswith(":")]
        rest = [field for field in head if field not in own]
        authorized = [*own, *place, *rest, ("authorization", f"Bearer {self._token}")]
        self._http.send_headers(stream_id, authorized)
        await self._flush()
        return stream_id

    async def until(self, kind: type[Seen], stream_id: int | None = None) -> Seen:
        """The next event of that kind; of that stream, where one is named.

        Raises:
            Cut: if the connection ends before.
        """
        while True:
            while self._seen:
                event = self._seen.popleft()
                if isinstance(event, kind) and stream_id in (None, event.stream_id):
                    return event
            self._seen += await self._events()
            await self._flush()

    async def leave(self, stream_id: int) -> None:
        self._http.reset_stream(stream_id)
        await self._flush()

    async def response(self) -> bytes:
        """The body of the response that ends next.

        Raises:
            Cut: if the connection or the stream ends before.
        """
        body = b""
        while True:
            for event in await self._events():
                if isinstance(event, h2.events.DataReceived):
                    body += event.data
                    length = event.flow_controlled_length
                    self._http.acknowledge_received_data(length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    return body
                elif isinstance(event, h2.events.StreamReset):
                    raise Cut
            await self._flush()

    async def _events(self) -> list[h2.events.Event]:
        try:
            data = await self._stream.receive_some()
        except trio.BrokenResourceError:
            raise Cut from None
        if not data:
            raise Cut
        events: list[h2.events.Event] = self._http.receive_data(bytes(data))
        for event in events:
            if isinstance(event, h2.events.ConnectionTerminated):
                self.goodbye = event.error_code
        return events

    async def _flush(self) -> None:
        await self._stream.send_all(self._http.data_to_send())
