"""HTTP/2 without TLS, by prior knowledge, as some proxies speak it: a whole stream, or a cut."""

import h2.config
import h2.connection
import h2.events
import pytest
import trio
from structlog.testing import capture_logs

from tests.http.live_server import LiveServer, live_server, until
from tests.http.raw_client import STREAM, Cut, RawClient, data_of, frames_of


async def test_a_connection_that_the_server_stumbles_over_is_the_only_one_to_end() -> None:
    with capture_logs() as logs:
        async with live_server() as server:
            started = await server.start("held", tokens=5)
            async with await server.follow(started) as reader:
                await reader.frame()
                async with await Http2Client.connect(server) as client:
                    await client.rank(1001)  # streams: Hypercorn counts on a thousand at most
                    with pytest.raises(Cut):
                        await client.response()

                server.let_go()
                assert data_of(frames_of(await reader.body())[-1])["final"]

    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == [
        "connection failed"
    ]


async def test_over_http_2_a_stream_comes_whole() -> None:
    async with live_server() as server:
        started = await server.start(tokens=5, rate=0)
        async with await Http2Client.connect(server) as client:
            await client.ask(STREAM + started["streamId"])
            body = await client.response()

    assert data_of(frames_of(body)[-1])["final"]


async def test_over_http_2_a_body_whose_job_is_gone_is_cut() -> None:
    async with live_server() as server:
        started = await server.start("held", tokens=5)
        async with await Http2Client.connect(server) as client:
            await client.ask(STREAM + started["streamId"])
            await until(lambda: server.readers(started) == 1)
            server.job(started).leave()
            with pytest.raises(Cut):
                await client.response()


async def test_over_http_2_a_reader_that_leaves_does_not_cut_the_others() -> None:
    async with live_server() as server:
        started = await server.start("held", tokens=5)
        async with await Http2Client.connect(server) as client:
            left = await client.ask(STREAM + started["streamId"])
            await until(lambda: server.readers(started) == 1)
            await client.leave(left)
            await until(lambda: not server.app.streams.bodies)
            await client.ask(STREAM + started["streamId"])
            server.let_go()
            body = await client.response()

    assert data_of(frames_of(body)[-1])["final"]


class Http2Client:
    def __init__(self, raw: RawClient, token: str) -> None:
        self._stream = raw.stream
        self._token = token
        configuration = h2.config.H2Configuration(header_encoding="utf-8")
        self._http = h2.connection.H2Connection(configuration)

    @classmethod
    async def connect(cls, server: LiveServer) -> "Http2Client":
        client = cls(await server.connect(), server.token)
        client._http.initiate_connection()
        await client._flush()
        return client

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

    async def rank(self, streams: int) -> None:
        """Say how important so many streams are that are not open yet."""
        for stream_id in range(1, 2 * streams, 2):
            self._http.prioritize(stream_id, weight=16)
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
        return events

    async def _flush(self) -> None:
        await self._stream.send_all(self._http.data_to_send())
