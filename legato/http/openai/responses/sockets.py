"""The Responses API over a WebSocket: lanes of responses, with the same events as by SSE.

The socket has one reader, which hands each message to the message's lane, and answers a steer at
once.  Events leave by the connection's outbox.
"""

from typing import Any, Final, cast

import trio
from hypercorn.typing import WebsocketScope
from msgspec import DecodeError, json
from quart import Blueprint, websocket

from legato.http.errors import HANDLED, RequestError
from legato.http.openai.responses.lanes import Lanes
from legato.http.openai.responses.outbox import DirectOutbox, Outbox, ServedOutbox
from legato.http.openai.responses.request import PATHS
from legato.http.openai.responses.steers import STEER, steer
from legato.http.streams.frames import FRAMES, RawSocket

LIFETIME: Final = 3600.0  # seconds; OpenAI's own bound: then a client connects anew

response_sockets = Blueprint("response_sockets", __name__)


class LimitReached(RequestError):
    def __init__(self) -> None:
        minutes = f"{LIFETIME / 60:.0f} minutes"
        super().__init__(
            f"This connection has lasted for {minutes}; open another to go on.",
            code="websocket_connection_limit_reached",
        )


@response_sockets.websocket(PATHS[0])
@response_sockets.websocket(PATHS[1])
async def converse() -> None:
    """Answer each `response.create` of a lane to the end before the lane's next.

    On this connection a request may follow the last response of a lane, even with `store` false.
    """
    await websocket.accept()
    extensions = cast("WebsocketScope", websocket.scope).get("extensions", {})
    socket = cast("RawSocket | None", extensions.get(FRAMES))
    if socket is None:
        await _answer_served()
    else:
        await _answer(DirectOutbox(socket))
    await websocket.close(1000)


async def _answer_served() -> None:
    send, receive = trio.open_memory_channel[bytes](0)
    async with trio.open_nursery() as writing:
        writing.start_soon(_write, receive)
        with send:
            await _answer(ServedOutbox(send))


async def _write(events: trio.MemoryReceiveChannel[bytes]) -> None:
    async for event in events:
        await websocket.send(event.decode())


async def _answer(outbox: Outbox) -> None:
    async with trio.open_nursery() as nursery:
        lanes = Lanes(nursery, outbox)
        await _read(lanes, outbox)
        lanes.close()  # the lanes' responses are answered to the end
    await outbox.refuse(LimitReached())


async def _read(lanes: Lanes, outbox: Outbox) -> None:
    """Hand on the client's messages, until the time is over."""
    deadline = trio.current_time() + LIFETIME
    while (message := await _next(deadline)) is not None:
        given = _peeked(message)
        lane = given.get("stream_id")
        stream_id = lane if isinstance(lane, str) else None
        try:
            if given.get("type") == STEER:
                await steer(message, given, lanes, outbox)
            else:
                lanes.hand(stream_id, message)
        except HANDLED as error:
            await outbox.refuse(error, stream_id)


async def _next(deadline: float) -> bytes | None:
    """The client's next message; None where the time is over."""
    with trio.move_on_at(deadline):
        message = await websocket.receive()
        # Quart has None for an empty binary message.
        return message.encode() if isinstance(message, str) else message or b""
    return None


def _peeked(message: bytes) -> dict[str, Any]:
    """The fields of a message; none where the lane will refuse the message."""
    try:
        given = json.decode(message)
    except (DecodeError, RecursionError, UnicodeDecodeError):
        return {}
    return given if isinstance(given, dict) else {}
