"""LibreChat's chat stream as server-sent events, with a cursor as every frame's `id:`."""

from collections.abc import Mapping
from typing import Any, assert_never

from msgspec import json

from legato.content import NEW_CHAT, ToolCall
from legato.dialects.contract import Identity
from legato.events import (
    AnyEvent,
    ArgumentsDelta,
    Created,
    Cursor,
    Ending,
    Failed,
    Finished,
    ReasoningDelta,
    Snapshot,
    StepCompleted,
    StepStarted,
    Stopped,
    TextDelta,
)

Body = Mapping[str, Any]


class LibreChat:
    """One job's frames.  Everything it needs is in the events: it keeps no state of its own."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def encode(self, seq: int, event: AnyEvent) -> bytes:
        if isinstance(event, Failed) and event.request is None:
            return self._frame(seq, {"error": event.message}, name="error")
        return self._frame(seq, self._body(event))

    def snapshot(self, snapshot: Snapshot) -> bytes:
        return self._frame(snapshot.seq, self.sync(snapshot))

    def sync(self, snapshot: Snapshot) -> Body:
        """`content[step.index]` is the step's part; nothing is pending beside the snapshot."""
        return {
            "sync": True,
            "resumeState": {
                "runSteps": [self._run_step(step) for step in snapshot.steps],
                "aggregatedContent": snapshot.content,
                "userMessage": snapshot.created.request if snapshot.created else None,
                "responseMessageId": self._identity.response_id,
                "conversationId": self._identity.conversation_id,
                "sender": snapshot.created.sender if snapshot.created else None,
                "generationId": self._identity.job_id,
            },
            "pendingEvents": [],
        }

    def _frame(self, seq: int, body: Body, name: str = "message") -> bytes:
        cursor = Cursor(self._identity.job_id, self._identity.epoch, seq)
        return b"id: %b\nevent: %b\ndata: %b\n\n" % (
            str(cursor).encode(),
            name.encode(),
            json.encode(body),  # JSON escapes every line break, so a payload cannot forge a frame
        )

    def _body(self, event: AnyEvent) -> Body:
        match event:
            case TextDelta(index, text):
                return self._delta("on_message_delta", index, {"type": "text", "text": text})
            case ReasoningDelta(index, text):
                return self._delta("on_reasoning_delta", index, {"type": "think", "think": text})
            case ArgumentsDelta(index, args):
                return self._arguments(index, args)
            case StepStarted():
                return {"event": "on_run_step", "data": self._run_step(event)}
            case StepCompleted(index, tool_call):
                return self._completed(index, tool_call)
            case Created():
                return self._created(event)
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
        }

    def _delta(self, name: str, index: int, part: Body) -> Body:
        data = {"id": self._step_id(index), "delta": {"content": [part]}}
        return {"event": name, "data": data}

    def _arguments(self, index: int, args: str) -> Body:
        chunk = {"args": args, "index": 0, "type": "tool_call_chunk"}
        delta = {"type": "tool_calls", "tool_calls": [chunk]}
        data = {"id": self._step_id(index), "delta": delta}
        return {"event": "on_run_step_delta", "data": data}

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
            **_manner(event),
        }


def _manner(event: Ending) -> Body:
    """How it ended, where it did not simply finish."""
    manner: dict[str, Any] = {"unsaved": True} if event.unsaved else {}
    if isinstance(event, Stopped):
        manner |= {"aborted": True, "earlyAbort": event.response is None}
    if isinstance(event, Failed):
        manner |= {"failed": {"reason": event.reason, "message": event.message}}
    return manner
