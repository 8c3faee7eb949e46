"""LibreChat's frames, byte for byte where clients read them so."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from legato.actors.production.event_builder import Steps
from legato.content import Answering, Message, TextPart, ToolCall, UrlCitation
from legato.dialects.contract import Identity
from legato.dialects.librechat import LibreChat
from legato.events import (
    AnnotationAdded,
    AnyEvent,
    ArgumentsDelta,
    Created,
    Cursor,
    Failed,
    Finished,
    LogprobsDelta,
    ModelCallEnded,
    Origin,
    ReasoningDelta,
    RefusalDelta,
    Snapshot,
    StepCompleted,
    StepStarted,
    Stopped,
    TextDelta,
)
from legato.models.contract import TextChunk

Delta = TextDelta | ReasoningDelta | ArgumentsDelta

IDENTITY = Identity("J", 1, "C", "R")
DIALECT = LibreChat(IDENTITY)
QUESTION = Message(message_id="Q", conversation_id="C", text="hi")


def body(event: AnyEvent) -> Any:
    frame = DIALECT.encode(7, event)
    name, data, cursor, *blank = frame.split(b"\n")
    assert (name, cursor, blank) == (b"event: message", b"id: J:1:7", [b"", b""])
    return json.decode(data.removeprefix(b"data: "))


def test_a_text_delta() -> None:
    assert DIALECT.encode(7, TextDelta(0, "He")) == (
        b"event: message\n"
        b'data: {"event":"on_message_delta","data":{"id":"step_J_0",'
        b'"delta":{"content":[{"type":"text","text":"He"}]}}}\n'
        b"id: J:1:7\n\n"
    )


def test_librechats_clients_are_told_of_citations_with_the_whole_answer_only() -> None:
    assert DIALECT.encode(7, AnnotationAdded(0, UrlCitation("u"))) == b""
    assert json.encode(TextPart("So", annotations=(UrlCitation("u"),))) == (
        b'{"type":"text","text":"So",'
        b'"annotations":[{"url":"u","title":"","start_index":0,"end_index":0}]}'
    )


def test_a_refusal_and_a_text_with_logprobs_are_text_to_librechats_clients() -> None:
    assert DIALECT.encode(7, RefusalDelta(0, "No.")) == DIALECT.encode(7, TextDelta(0, "No."))
    assert DIALECT.encode(7, LogprobsDelta(0, "No.", "{}")) == DIALECT.encode(
        7, TextDelta(0, "No.")
    )
    assert json.encode(TextPart("No.", "refusal")) == (
        b'{"type":"text","text":"No.","kind":"refusal"}'
    )


@pytest.mark.parametrize(
    ("event", "name", "data"),
    [
        (
            ReasoningDelta(1, "hm"),
            "on_reasoning_delta",
            {"id": "step_J_1", "delta": {"content": [{"type": "think", "think": "hm"}]}},
        ),
        (
            ArgumentsDelta(2, "{}"),
            "on_run_step_delta",
            {
                "id": "step_J_2",
                "delta": {
                    "type": "tool_calls",
                    "tool_calls": [{"args": "{}", "index": 0, "type": "tool_call_chunk"}],
                },
            },
        ),
        (
            StepCompleted(2, ToolCall("t", "find", "{}", output="it", progress=1.0)),
            "on_run_step_completed",
            {
                "result": {
                    "id": "step_J_2",
                    "index": 2,
                    "type": "tool_call",
                    "tool_call": {
                        "type": "tool_call",
                        "id": "t",
                        "name": "find",
                        "args": "{}",
                        "output": "it",
                        "progress": 1.0,
                    },
                }
            },
        ),
    ],
)
def test_the_other_deltas(event: AnyEvent, name: str, data: Any) -> None:
    assert body(event) == {"event": name, "data": data}


def test_a_call_that_goes_on_as_a_task_has_no_frame() -> None:
    event = StepCompleted(2, ToolCall("t", "find", "{}", task="task-1"))

    assert DIALECT.encode(1, event) == b""


def plain(identity: Identity, seq: int, event: Delta) -> bytes:
    """A delta's frame, said once more in the plain way."""
    name, delta = plain_delta(event)
    data = {"id": f"step_{identity.job_id}_{event.index}", "delta": delta}
    cursor = Cursor(identity.job_id, identity.epoch, seq)
    return b"event: message\ndata: %b\nid: %b\n\n" % (
        json.encode({"event": name, "data": data}),
        str(cursor).encode(),
    )


def plain_delta(event: Delta) -> tuple[str, Any]:
    match event:
        case TextDelta(_, text):
            return "on_message_delta", {"content": [{"type": "text", "text": text}]}
        case ReasoningDelta(_, text):
            return "on_reasoning_delta", {"content": [{"type": "think", "think": text}]}
        case ArgumentsDelta(_, args):
            chunk = {"args": args, "index": 0, "type": "tool_call_chunk"}
            return "on_run_step_delta", {"type": "tool_calls", "tool_calls": [chunk]}


@given(
    st.sampled_from([TextDelta, ReasoningDelta, ArgumentsDelta]),
    st.text(st.characters(exclude_characters="\r\n:", codec="utf-8"), min_size=1),
    st.integers(1, 10**15 - 1),
    st.integers(0, 10**6),
    st.text() | st.sampled_from(["%", "%b%d%%", '"', "\\", "</script>", "\u2028", "\0", "\x7f"]),
)
def test_a_delta_is_the_plain_frame_byte_for_byte(
    kind: type[Delta], job_id: str, seq: int, index: int, text: str
) -> None:
    identity = Identity(job_id, 2, "C", "R")
    delta = kind(index, text)

    assert LibreChat(identity).encode(seq, delta) == plain(identity, seq, delta)


@given(st.lists(st.text(), max_size=3), st.text())
def test_what_goes_on_from_kept_parts_is_the_plain_frame_too(kept: list[str], text: str) -> None:
    steps = Steps([TextPart(part) for part in kept])
    _, delta = steps.events([TextChunk(text)])

    assert isinstance(delta, TextDelta)
    assert DIALECT.encode(3, delta) == plain(IDENTITY, 3, delta)


def test_a_step_names_its_message_and_its_place() -> None:
    step = body(StepStarted(3, "think"))["data"]
    call = body(StepStarted(4, "tool_call", ToolCall("t", "find")))["data"]

    assert (step["runId"], step["index"], step["type"]) == ("R", 3, "message_creation")
    assert call["type"] == "tool_calls"
    assert call["stepDetails"]["tool_calls"] == [
        {"type": "tool_call", "id": "t", "name": "find", "args": ""}
    ]


def test_a_step_of_an_agent_names_the_agent_and_its_group() -> None:
    alone = body(StepStarted(0, "text", origin=Origin(0, "agent_a")))["data"]
    grouped = body(StepStarted(1, "text", origin=Origin(1, "agent_b", 2)))["data"]
    bare = body(StepStarted(0, "text"))["data"]

    assert (alone["agentId"], "groupId" in alone) == ("agent_a", False)
    assert (grouped["agentId"], grouped["groupId"]) == ("agent_b", 2)
    assert "agentId" not in bare


def test_no_frame_says_that_a_model_call_ended() -> None:
    assert DIALECT.encode(7, ModelCallEnded(Origin(0, "agent_a"), "m", "stop")) == b""


def test_created_says_what_an_answer_goes_on_from() -> None:
    plain = body(Created(QUESTION, "R", "model"))
    going_on = body(Created(QUESTION, "R", "model", (TextPart("so"),), 2))

    assert plain["message"]["text"] == "hi"
    assert (plain["streamId"], plain["generationId"]) == ("C", "J")
    assert "keptContent" not in plain
    assert going_on["keptContent"] == [{"type": "text", "text": "so"}]
    assert going_on["droppedMessages"] == 2


def test_created_says_which_agent_answers() -> None:
    bare = body(Created(QUESTION, "R", "model"))
    agents = body(Created(QUESTION, "R", "Ada", agent=Answering("agent_1", 3)))

    assert "agent_id" not in bare
    assert (agents["sender"], agents["agent_id"], agents["agent_version"]) == ("Ada", "agent_1", 3)


def test_endings_say_how_they_came() -> None:
    answer = Message(message_id="R", conversation_id="C", content=())
    finished = body(Finished(request=QUESTION, response=answer))
    stopped = body(Stopped(request=QUESTION))
    partly = body(Stopped(request=QUESTION, response=answer, unsaved=True))
    failed = body(Failed(request=QUESTION, response=answer, reason="r", message="m"))

    assert finished["final"]
    assert finished["title"] == "New Chat"
    assert "aborted" not in finished
    assert (stopped["aborted"], stopped["earlyAbort"], stopped["conversation"]) == (
        True,
        True,
        None,
    )
    assert (partly["aborted"], partly["earlyAbort"], partly["unsaved"]) == (True, False, True)
    assert failed["failed"] == {"reason": "r", "message": "m"}


def test_a_turn_that_never_began_ends_with_an_error_frame() -> None:
    frame = DIALECT.encode(1, Failed(reason="r", message="The disk is full"))

    assert frame == b'event: error\ndata: {"error":"The disk is full"}\nid: J:1:1\n\n'


def test_a_sync_says_where_everything_is() -> None:
    created = Created(QUESTION, "R", "model")
    steps = (StepStarted(0, "text"),)
    frame = DIALECT.snapshot(Snapshot(9, created, steps, (TextPart("so far"),)))
    _, data, cursor, *_ = frame.split(b"\n")
    state = json.decode(data.removeprefix(b"data: "))["resumeState"]

    assert cursor == b"id: J:1:9"
    assert state["aggregatedContent"] == [{"type": "text", "text": "so far"}]
    assert state["runSteps"][0]["index"] == 0
    assert state["userMessage"]["messageId"] == "Q"
    assert DIALECT.sync(Snapshot(0, None, (), ()))["resumeState"]["sender"] is None


@given(
    st.text() | st.sampled_from(["\r", "\n\nevent: x", "\u2028\u2029\x85", "\0", "  x", "data:"])
)
def test_sse_injection(text: str) -> None:
    """No payload can forge a frame: there are exactly four line breaks, ours."""
    frame = DIALECT.encode(1, TextDelta(0, text))

    assert len(frame.splitlines()) == 4
    assert frame.count(b"\n") == 4
    assert json.decode(frame.splitlines()[1][6:])["data"]["delta"]["content"][0]["text"] == text
