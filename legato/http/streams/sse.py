"""A generation as a response of server-sent events, by the direct way where there is one."""

from contextlib import suppress
from typing import Final, cast

import trio
from hypercorn.typing import HTTPScope
from quart import Response, request

from legato.actors.mailbox import ActorError
from legato.actors.ref import JobRef
from legato.events import Cursor
from legato.http.request_context import application
from legato.http.streams.direct import DirectBody
from legato.http.streams.served import ServedBody
from legato.http.streams.socket_sink import Client
from legato.http.streams.streaming import Reading, StreamBody

# None that speaks of the connection: only the server knows whether it goes on with that.
HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Content-Encoding": "identity",
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
}

DIRECT: Final = "legato.client"
"""The extension of an ASGI scope that holds the connection, where it may be written to."""


LOOK: Final = 1.0
"""Seconds to learn whether anything follows: an owner that answers later is followed unasked."""


async def has_everything(job: JobRef, dialect: str, cursor: Cursor) -> bool:
    """Whether who has seen that saw the ending.

    The answer is 204 then: browsers' EventSource comes back after a body's end, and 204 alone
    tells it that there is no more.
    """
    with trio.move_on_after(LOOK), suppress(ActorError):
        return (await job.locate(dialect, cursor)).is_last
    return False


def stream_response(reading: Reading) -> Response:
    response = Response(b"", headers=HEADERS)
    response.response = _body(reading)
    del response.headers["Content-Length"]
    application().streams.begun[_place(reading)] += 1
    response.timeout = None  # Quart would end the body after 60 seconds
    return response


def _place(reading: Reading) -> str:
    return reading.start if isinstance(reading.start, str) else "cursor"


def _body(reading: Reading) -> StreamBody:
    app = application()
    heartbeat, streams = app.settings.limits.heartbeat, app.streams
    extensions = cast("HTTPScope", request.scope).get("extensions", {})
    client = cast("Client | None", extensions.get(DIRECT))
    if client is None:
        return ServedBody(reading, heartbeat, streams)
    return DirectBody(reading, client, heartbeat, streams)
