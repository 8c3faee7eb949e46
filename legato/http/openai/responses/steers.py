"""Steers over a WebSocket: words for a running response, which a successor reads.

A steer is durable in the running response's log before the client is told `accepted`.  The running
response ends where its text stands, and gives the words back to its lane with the ending.  The lane
begins the successor, whose `response.created` says that the words are read.
"""

from collections.abc import Mapping
from typing import Any, Final

import trio
from ulid import ULID

from legato.actors.mailbox import ActorStopped
from legato.actors.ref import JobRef
from legato.actors.steering.interjections import Reason, Rejected, Steer
from legato.http.clock import milliseconds
from legato.http.errors import InvalidField
from legato.http.openai.responses.input_items import InputText, MessageItem
from legato.http.openai.responses.inputs import converted
from legato.http.openai.responses.lanes import Lane, Lanes
from legato.http.openai.responses.outbox import Outbox
from legato.http.openai.responses.socket_messages import pass_guards
from legato.http.openai.responses.steer_events import SteerEvent, SteerInput, accepted, failed
from legato.storage.contracts.errors import StorageError

STEER: Final = "response.steer"

MOST_CHARACTERS: Final = 16_000
"""Of a steer, as on the chat routes."""

_CODES: Final[Mapping[Reason, str]] = {
    "not_begun": "response_not_active",
    "ended": "response_already_completed",
    "too_many_steers": "too_many_pending_steers",
    "too_many_receipts": "too_many_pending_steers",
    "storage_unavailable": "storage_unavailable",
}


async def steer(message: bytes, given: Mapping[str, Any], lanes: Lanes, outbox: Outbox) -> None:
    """Answer a `response.steer`: accepted, or failed and why.

    Raises:
        Whatever the guards refuse a request with.
    """
    await pass_guards(message)
    named, said = given.get("previous_response_id"), given.get("input")
    response_id = named if isinstance(named, str) else ""
    lane = lanes.running(response_id)
    try:
        text = text_of(said)
    except InvalidField as error:
        await _fail(outbox, lane, given, "invalid_input", str(error))
        return
    if lane is None or lane.job is None:
        await _fail(outbox, lane, given, *_missing(response_id, lanes))
    elif lane.body.conversation is not None:
        reason = "A response of a conversation takes no steers."
        await _fail(outbox, lane, given, "steering_not_supported", reason)
    else:
        await _taken(lane, lane.job, text, given, outbox)


async def _taken(
    lane: Lane, job: JobRef, text: str, given: Mapping[str, Any], outbox: Outbox
) -> None:
    steer_id = f"{job.job_id}-{ULID()}"
    words = lane.words[steer_id] = SteerInput(given["input"], trio.Event())
    try:
        reply = await job.ask(Steer(steer_id, text, milliseconds(), preempt=True))
    except ActorStopped:
        lane.words.pop(steer_id, None)
        await _fail(outbox, lane, given, "response_already_completed", "The response is gone.")
    except StorageError as error:
        await _fail(outbox, lane, given, "storage_unavailable", str(error))
    else:
        if isinstance(reply, Rejected):
            lane.words.pop(steer_id, None)
            code = _CODES.get(reply.reason, "response_not_active")
            await _fail(outbox, lane, given, code, reply.message)
        else:
            await outbox.tell_of_steer(accepted(steer_id, job.response_id), lane.stream_id)
    words.replied.set()


async def _fail(
    outbox: Outbox, lane: Lane | None, given: Mapping[str, Any], code: str, message: str
) -> None:
    event: SteerEvent = failed(code, message, given.get("input"), given.get("previous_response_id"))
    await outbox.tell_of_steer(event, lane.stream_id if lane else None)


def _missing(response_id: str, lanes: Lanes) -> tuple[str, str]:
    """Why no response of that id takes words here: the code and the reason."""
    if response_id in lanes.chains():
        return "response_already_completed", "The response has ended."
    return "response_not_found", "No response of that id runs on this connection."


def text_of(given: Any) -> str:
    """The words of a steer's input, as its receipt has them.

    Raises:
        InvalidField: where the input is neither a text nor messages of the user, empty or too long.
    """
    if isinstance(given, str):
        texts = [given]
    elif isinstance(given, list) and given:
        texts = [_text_in(f"input[{index}]", each) for index, each in enumerate(given)]
    else:
        raise InvalidField("input", "a text or a list of the user's messages is needed")
    text = "\n\n".join(texts)
    if not text.strip():
        raise InvalidField("input", "found nothing; a steer has words")
    if len(text) > MOST_CHARACTERS:
        found = f"found {len(text)} characters; {MOST_CHARACTERS} are allowed"
        raise InvalidField("input", found)
    return text


def _text_in(name: str, given: Any) -> str:
    message = converted(name, given, MessageItem)
    if message.role != "user" or given.get("type", "message") != "message":
        raise InvalidField(name, "is no message of the user")
    content = message.content
    if isinstance(content, str):
        return content
    return "\n\n".join(part.text for part in content if isinstance(part, InputText))
