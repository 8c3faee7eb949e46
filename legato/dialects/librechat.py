"""LibreChat's chat stream as server-sent events, with a cursor as every frame's `id:`.

The cursor is a frame's last line: some readers note it on sight, and where a connection is cut
between it and the data they would ask for what follows an event that they never had.
"""

from collections.abc import Mapping
from typing import Any, Final, Self, assert_never

from msgspec import UNSET, json

from legato.content import NEW_CHAT, ToolCall
from legato.dialects.contract import Identity
from legato.dialects.librechat_actions import (
    applied,
    pending,
    pending_action,
    resolved,
    returned,
    taken,
    unread,
)
from legato.events import (
    AnnotationAdded,
    Answered,
    AnyEnding,
    AnyEvent,
    ArgumentsDelta,
    Asked,
    Created,
    Ending,
    Failed,
    Finished,
    HiddenDelta,
    LogprobsDelta,
    ModelCallEnded,
    Origin,
    Queued,
    ReasoningDelta,
    RefusalDelta,
    Snapshot,
    SteerApplied,
    SteerReturned,
    SteerTaken,
    StepCompleted,
    StepStarted,
    Stopped,
    TextDelta,
)
from legato.shown import hidden_positions

Body = Mapping[str, Any]

_Told = (
    Created
    | StepStarted
    | StepCompleted
    | SteerTaken
    | SteerApplied
    | SteerReturned
    | Asked
    | Answered
    | AnyEnding
)
"""The events that have a body of their own."""

_json = json.Encoder().encode  # JSON escapes every line break, so a payload cannot forge a frame

# Deltas are nearly all that is ever encoded, so their frames are made once for each job but for
# what differs: the position, the text as JSON and the seq.
_DELTA: Final = (
    b'event: message\ndata: {"event":"%b","data":{"id":"step_%b_%%d","delta":{%b}}}\n%b%%d\n\n'
)
_TEXT: Final = b'"content":[{"type":"text","text":%b}]'
_THOUGHT: Final = b'"content":[{"type":"think","think":%b}]'
_ARGUMENTS: Final = (
    b'"type":"tool_calls","tool_calls":[{"args":%b,"index":0,"type":"tool_call_chunk"}]'
)


class LibreChat:
    """One job's frames.  Each frame follows from its event alone: the encoder keeps no state."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._id = f"id: {identity.job_id}:{identity.epoch}:".encode()  # a cursor without the seq
        self._text = self._delta(b"on_message_delta", _TEXT)
        self._thought = self._delta(b"on_reasoning_delta", _THOUGHT)
        self._arguments = self._delta(b"on_run_step_delta", _ARGUMENTS)

    number: Final = None

    def fork(self) -> Self:
        return self

    def encode(self, seq: int, event: AnyEvent) -> bytes:
        if type(event) is TextDelta:
            return self._text % (event.index, _json(event.text), seq)
        if type(event) is ReasoningDelta:
            return self._thought % (event.index, _json(event.text), seq)
        if type(event) is ArgumentsDelta:
            return self._arguments % (event.index, _json(event.text), seq)
        if type(event) is RefusalDelta or type(event) is LogprobsDelta:
            # LibreChat's clients know only the text.
            return self._text % (event.index, _json(event.text), seq)
        if isinstance(event, Queued | ModelCallEnded | AnnotationAdded | HiddenDelta):
            return b""  # the reply to the start says the first; no frame says the rest
        if isinstance(event, StepStarted) and (event.is_hidden or event.kind == "tool_list"):
            return b""
        if isinstance(event, StepCompleted) and event.tool_call.output is UNSET:
            return b""  # the call goes on as a task
        if isinstance(event, Failed) and event.request is None:
            return self._frame(seq, {"error": event.message}, name=b"error")
        return self._frame(seq, self._body(event))

    def snapshot(self, snapshot: Snapshot) -> bytes:
        return self._frame(snapshot.seq, self.sync(snapshot))

    def sync(self, snapshot: Snapshot) -> Body:
        """`content[step.index]` is the step's part; nothing is pending beside the snapshot.

        The place of hidden words is null.
        """
        hidden = hidden_positions(snapshot)
        content = snapshot.content
        return {
            "sync": True,
            "resumeState": {
                "runSteps": [
                    self._run_step(step)
                    for step in snapshot.steps
                    if step.whole is None and not step.is_hidden
                ],
                "aggregatedContent": [
                    None if index in hidden else part for index, part in enumerate(content)
                ],
                "userMessage": snapshot.created.request if snapshot.created else None,
                "responseMessageId": self._identity.response_id,
                "conversationId": self._identity.conversation_id,
                "sender": snapshot.created.sender if snapshot.created else None,
                "generationId": self._identity.job_id,
                **pending(snapshot, self._identity),
            },
            "pendingEvents": [],
        }

    def _frame(self, seq: int, body: Body, name: bytes = b"message") -> bytes:
        return b"event: %b\ndata: %b\n%b%d\n\n" % (name, _json(body), self._id, seq)

    def _delta(self, name: bytes, delta: bytes) -> bytes:
        job_id = _json(self._identity.job_id)[1:-1]
        return _DELTA % (name, _verbatim(job_id), delta, _verbatim(self._id))

    def _body(self, event: _Told) -> Body:
        match event:
            case StepStarted(kind="agent_update", whole=part):
                return {"event": "on_agent_update", "data": part}
            case StepStarted():
                return {"event": "on_run_step", "data": self._run_step(event)}
            case StepCompleted(index, tool_call):
                return self._completed(index, tool_call)
            case Created():
                return self._created(event)
            case SteerTaken():
                return {"event": "on_steer_updated", "data": taken(event)}
            case SteerApplied():
                return {"event": "on_steer_applied", "data": applied(event, self._identity)}
            case SteerReturned():
                return {"event": "on_steer_updated", "data": returned(event)}
            case Asked():
                return {"event": "on_pending_action", "data": pending_action(event, self._identity)}
            case Answered():
                return {"event": "on_action_resolved", "data": resolved(event)}
            case Finished() | Stopped() | Failed():
                return self._final(event)
            case _:
                assert_never(event)

    def _created(self, event: Created) -> Body:
        return {
            "created": True,
            "message": event.request,
            "streamId": self._identity.conversation_id,
            "generationId": self._identity.job_id,
            "responseMessageId": event.response_id,
            "sender": event.sender,
            "droppedMessages": event.dropped,
            **({"keptContent": event.kept} if event.kept else {}),
            **_answering(event),
        }

    def _step_id(self, index: int) -> str:
        return f"step_{self._identity.job_id}_{index}"

    def _run_step(self, step: StepStarted) -> Body:
        step_id = self._step_id(step.index)
        details: Body
        if step.kind == "tool_call":
            details = {"type": "tool_calls", "tool_calls": [step.tool_call]}
        else:
            details = {"type": "message_creation", "message_creation": {"message_id": step_id}}
        return {
            "id": step_id,
            "runId": self._identity.response_id,
            "type": details["type"],
            "index": step.index,
            "stepIndex": step.index,
            "stepDetails": details,
            "usage": None,
            **_named(step.origin),
        }

    def _completed(self, index: int, call: ToolCall) -> Body:
        result = {
            "id": self._step_id(index),
            "index": index,
            "type": "tool_call",
            "tool_call": call,
        }
        return {"event": "on_run_step_completed", "data": {"result": result}}

    def _final(self, event: Finished | Stopped | Failed) -> Body:
        title = event.conversation.title if event.conversation else NEW_CHAT
        return {
            "final": True,
            "conversation": event.conversation,
            "title": title,
            "requestMessage": event.request,
            "responseMessage": event.response,
            "usage": event.usage,
            "generationId": self._identity.job_id,
            **unread(event.unread),
            **_manner(event),
        }


def _answering(event: Created) -> Body:
    """Which agent answers, where one does."""
    if event.agent is None:
        return {}
    return {"agent_id": event.agent.id, "agent_version": event.agent.version}


def _named(origin: Origin) -> Body:
    """The agent of a step and its group; nothing for a step of a bare model."""
    named = {"agentId": origin.agent_id, "groupId": origin.group_id}
    return {field: value for field, value in named.items() if value is not None}


def _verbatim(text: bytes) -> bytes:
    """`text` with % escaped, so that a template gives the same bytes back."""
    return text.replace(b"%", b"%%")


def _manner(event: Ending) -> Body:
    """The manner of an ending, unless the answer simply finished."""
    manner: dict[str, Any] = {"unsaved": True} if event.unsaved else {}
    if isinstance(event, Stopped):
        manner |= {"aborted": True, "earlyAbort": event.response is None}
    if isinstance(event, Failed):
        manner |= {"failed": {"reason": event.reason, "message": event.message}}
    return manner
