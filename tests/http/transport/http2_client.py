"""A client that speaks HTTP/2 by prior knowledge, on a socket of its own."""

import h2.config
import h2.connection
import h2.events
import trio

from tests.http.live_server import LiveServer
from tests.http.raw_client import Cut, RawClient


class Http2Client:
    def __init__(self, raw: RawClient, token: str) -> None:
        self._stream = raw.stream
        self._token = token
        configuration = h2.config.H2Configuration(header_encoding="utf-8")
        self._http = h2.connection.H2Connection(configuration)

    @classmethod
    async def connect(cls, server: LiveServer) -> "Http2Client":
        client = cls(await server.connect(), server.token)
        await client.greet()
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
        return events

    async def _flush(self) -> None:
        await self._stream.send_all(self._http.data_to_send())
