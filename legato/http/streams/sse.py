"""A generation as a response of server-sent events, by the direct way where there is one."""

from typing import Final, cast

from hypercorn.typing import HTTPScope
from quart import Response, request

from legato.http.request_context import application
from legato.http.streams.direct import DirectBody
from legato.http.streams.served import ServedBody
from legato.http.streams.socket_sink import Client
from legato.http.streams.streaming import Reading, StreamBody

HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Content-Encoding": "identity",
    "Cache-Control": "no-store, no-transform",
    "Connection": "keep-alive",
    "X-Accel-Buffering": "no",
}

DIRECT: Final = "legato.client"
"""The extension of an ASGI scope that holds the connection, where it may be written to."""


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
