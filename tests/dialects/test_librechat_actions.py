"""Steers and pending actions in LibreChat's frames."""

from typing import Any

import pytest
from msgspec import json, to_builtins
from msgspec.structs import replace

from legato.actors.stream.fold import Fold
from legato.content import Message, SteerPart
from legato.dialects.contract import Identity
from legato.dialects.librechat import LibreChat
from legato.events import (
    Answered,
    AnyEvent,
    Asked,
    Created,
    Finished,
    SteerApplied,
    SteerReturned,
    SteerTaken,
)

IDENTITY = Identity("J", 1, "C", "R")
DIALECT = LibreChat(IDENTITY)
STEER = SteerTaken(steer_id="s1", text="Shorter.", at=7, client_id="mine")
APPROVAL = Asked(
    ask_id="a1",
    kind="approval",
    index=2,
    payload={"tool_call_id": "c1", "name": "roll", "arguments": "{}", "description": "A die."},
    allowed=("approve", "deny", "edit", "answer"),
    at=1,
    expires_at=9,
    state="the tool's own",
)
FORM = replace(
    APPROVAL,
    ask_id="a2",
    kind="elicitation",
    payload={"tool_call_id": "c2", "name": "book", "requests": {"name": {"params": {}}}},
    response_schema={"type": "object"},
)


def question(**params: Any) -> Asked:
    requests = {"question": {"method": "ask_user", "params": params}}
    payload = {"tool_call_id": "c3", "name": "ask_user", "requests": requests}
    return replace(FORM, ask_id="a3", kind="question", payload=payload)


def told(event: AnyEvent) -> Any:
    frame = DIALECT.encode(7, event)
    return json.decode(frame.partition(b"\ndata: ")[2].partition(b"\n")[0])


@pytest.mark.parametrize(
    ("event", "name", "data"),
    [
        (
            STEER,
            "on_steer_updated",
            {
                "steerId": "s1",
                "clientSteerId": "mine",
                "text": "Shorter.",
                "status": "pending",
                "preempt": False,
                "createdAt": 7,
            },
        ),
        (
            SteerReturned("s1", "cancelled"),
            "on_steer_updated",
            {"steerId": "s1", "status": "cancelled", "why": "cancelled"},
        ),
        (
            SteerReturned("s1", "stopped"),
            "on_steer_updated",
            {"steerId": "s1", "status": "returned", "why": "stopped"},
        ),
        (
            SteerApplied(SteerPart(steer="Shorter.", steer_id="s1"), 1),
            "on_steer_applied",
            {
                "steerId": "s1",
                "conversationId": "C",
                "responseMessageId": "R",
                "index": 1,
                "part": {"type": "steer", "steer": "Shorter.", "steerId": "s1"},
            },
        ),
        (
            Answered(ask_id="a1", decision="deny", by="ann", reason="No.", always=True),
            "on_action_resolved",
            {"actionId": "a1", "decision": "reject", "reason": "No.", "always": True},
        ),
        (
            Answered(ask_id="a1", decision="expired"),
            "on_action_resolved",
            {"actionId": "a1", "decision": "expired"},
        ),
    ],
)
def test_a_steer_and_an_answer_are_frames(event: AnyEvent, name: str, data: Any) -> None:
    assert told(event) == {"event": name, "data": data}


def test_an_approval_is_a_pending_action() -> None:
    assert told(APPROVAL)["data"] == {
        "actionId": "a1",
        "streamId": "C",
        "conversationId": "C",
        "runId": "R",
        "responseMessageId": "R",
        "index": 2,
        "payload": {
            "type": "tool_approval",
            "action_requests": [APPROVAL.payload],
            "review_configs": [
                {
                    "tool_call_id": "c1",
                    "allowed_decisions": ["approve", "reject", "edit", "respond"],
                }
            ],
        },
        "createdAt": 1,
        "expiresAt": 9,
    }


def test_a_form_and_a_question_are_pending_actions() -> None:
    assert told(FORM)["data"]["payload"] == {
        "type": "elicitation",
        "tool_call_id": "c2",
        "name": "book",
        "requests": {"name": {"params": {}}},
        "responseSchema": {"type": "object"},
    }
    asked = {"type": "ask_user_question", "tool_call_id": "c3", "question": "Red?"}
    assert told(question(message="Red?"))["data"]["payload"] == asked
    options = {**asked, "options": ["Yes", "No"]}
    assert told(question(message="Red?", options=["Yes", "No"]))["data"]["payload"] == options


def test_a_snapshot_has_what_waits_and_the_last_frame_what_nobody_read() -> None:
    fold = Fold()
    fold.apply(Created(Message(message_id="Q", conversation_id="C"), "R", "m"), STEER, FORM)
    state = to_builtins(DIALECT.sync(fold.snapshot(3)))["resumeState"]

    assert [each["steerId"] for each in state["pendingSteers"]] == ["s1"]
    assert state["pendingAction"] == state["pendingActions"][0]
    assert state["pendingAction"]["actionId"] == "a2"
    assert b"the tool's own" not in json.encode(state)
    assert [each["text"] for each in told(Finished(unread=(STEER,)))["pendingSteers"]] == [
        "Shorter."
    ]
