"""A generation as a response of server-sent events, by the direct way where possible."""

from contextlib import suppress
from typing import Final, cast

import trio
from hypercorn.typing import HTTPScope
from quart import Response, request

from legato.actors.mailbox import ActorError
from legato.actors.ref import JobRef
from legato.events import Cursor
from legato.http.application import application
from legato.http.streams.direct import DirectBody
from legato.http.streams.served import ServedBody
from legato.http.streams.socket_sink import RawConnection
from legato.http.streams.streaming import LastingBody, Reading, StreamBody

# No header about the connection: only the server knows whether the connection stays open.
HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Content-Encoding": "identity",
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
}

DIRECT: Final = "legato.client"
"""The extension of an ASGI scope with the connection, where the application may write to it."""


LOOK: Final = 1.0
"""Seconds to wait for the owner's answer whether anything follows; after that, assume yes."""


async def has_everything(job: JobRef, dialect: str, cursor: Cursor) -> bool:
    """Whether a reader at `cursor` has seen the ending.

    The reader is answered 204 then: a browser's EventSource comes back after every end of a
    body, and only a 204 stops it.
    """
    with trio.move_on_after(LOOK), suppress(ActorError):
        return (await job.locate(dialect, cursor)).is_last
    return False


def stream_response(reading: Reading) -> Response:
    application().streams.begun[_place(reading)] += 1
    return lasting_response(_body(reading))


def lasting_response(body: LastingBody) -> Response:
    response = Response(b"", headers=HEADERS)
    response.response = body
    del response.headers["Content-Length"]
    response.timeout = None  # Quart would end the body after 60 seconds
    return response


def _place(reading: Reading) -> str:
    return reading.start if isinstance(reading.start, str) else "cursor"


def _body(reading: Reading) -> StreamBody:
    app = application()
    heartbeat, streams = app.settings.limits.heartbeat, app.streams
    extensions = cast("HTTPScope", request.scope).get("extensions", {})
    client = cast("RawConnection | None", extensions.get(DIRECT))
    if client is None:
        return ServedBody(reading, heartbeat, streams)
    return DirectBody(reading, client, heartbeat, streams)
