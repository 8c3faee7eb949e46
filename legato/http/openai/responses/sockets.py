"""The Responses API over a WebSocket: responses in turn, with the same events as by SSE."""

from collections.abc import Iterator
from typing import Any, Final

import trio
from msgspec import json
from quart import Blueprint, websocket

from legato.actors.mailbox import ActorError
from legato.actors.ref import JobRef
from legato.actors.subscription import Subscription
from legato.http.errors import HANDLED, InvalidField, RequestError
from legato.http.gate import judged, let_in_message
from legato.http.openai.outcomes import Lost
from legato.http.openai.responses.chain import Chains, remembered
from legato.http.openai.responses.creation import API, PATHS, begin_response
from legato.http.openai.responses.request import ResponseBody
from legato.http.request_context import json_of
from legato.http.streams.streaming import awaited

LIFETIME: Final = 3600.0  # seconds; OpenAI's own bound: then a client connects anew

CREATE: Final = "response.create"

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
    """Answer each `response.create` to the end before reading the next.

    On this connection a request may follow the last response, even with `store` false.
    """
    await websocket.accept()
    chains: Chains = {}
    deadline = trio.current_time() + LIFETIME
    while (message := await _next(deadline)) is not None:
        try:
            chains = await _answer(message, chains)
        except HANDLED as error:
            await _refuse(error)
    await _refuse(LimitReached())
    await websocket.close(1000)


async def _next(deadline: float) -> bytes | None:
    """The client's next message; None where the time is over, which cuts no running response."""
    with trio.move_on_at(deadline):
        message = await websocket.receive()
        # Quart has None for an empty binary message.
        return message.encode() if isinstance(message, str) else message or b""
    return None


async def _answer(message: bytes, chains: Chains) -> Chains:
    await _pass_guards(message)
    begun = await begin_response(await _read(message), is_bound=True, chains=chains)
    try:
        async with awaited(begun.job, is_bound=True):
            await _tell(begun.job)
            ending = await begun.job.ended()
    except ActorError:
        raise Lost from None
    return {begun.job.response_id: remembered(begun.ended(ending))}


async def _pass_guards(message: bytes) -> None:
    """Judge the message as a request with the same body; the credentials may have expired by now.

    Raises:
        MissingKey, Unauthorized, InsufficientScope, Denied
    """

    async def read() -> bytes:
        return message

    await let_in_message(read)


async def _read(message: bytes) -> ResponseBody:
    """Raises MalformedJson, InvalidField.

    `stream` and `stream_options` are ignored on a WebSocket, because many clients always send both.
    """
    given = await json_of(message, dict[str, Any])
    if given.get("type") != CREATE:
        raise InvalidField("type", f"found {given.get('type')!r:.80}; only {CREATE} is allowed")
    body = await json_of(message, ResponseBody)
    if body.background:
        raise InvalidField("background", "found true; over a WebSocket a response is followed")
    return body


async def _tell(job: JobRef) -> None:
    """Send all events of a job, to the last."""
    subscription = Subscription(job, API, "beginning")
    try:
        is_last = False
        while not is_last:
            chunk = await subscription.receive()
            for event in _events(chunk.data):
                await websocket.send(event)
            is_last = chunk.last
    finally:
        subscription.leave()


def _events(frames: bytes) -> Iterator[str]:
    """The data of the frames that are events; `[DONE]` is not an event."""
    for frame in frames.split(b"\n\n"):
        _, is_event, event = frame.partition(b"\ndata: ")
        if is_event:
            yield event.decode()


async def _refuse(error: Exception) -> None:
    """Send the refusal in the form of HTTP's, and always with a code."""
    response = await judged(error)
    refusal = json.decode(await response.get_data())["error"]
    refusal["code"] = refusal["code"] or refusal["type"]
    event = {"type": "error", "status": response.status_code, "error": refusal}
    await websocket.send(json.encode(event).decode())
