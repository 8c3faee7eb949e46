import pytest
from msgspec import json

from legato.content import NO_PARENT, Message, TextPart, ToolCall, UrlCitation
from legato.events import (
    AnnotationAdded,
    Answered,
    AnyEvent,
    Asked,
    Created,
    Finished,
    LogprobsDelta,
    Queued,
    RefusalDelta,
    StepCompleted,
    StepStarted,
    text_bytes,
)
from legato.requests import ApiRequest, TurnRequest

TURN = TurnRequest(
    job_id="1234",
    conversation_id="1234",
    message_id="1234",
    response_id="1234",
    user="1234",
    model="1234",
    text="Hi",
    parameters={"n": [1, "x"]},
)


def test_a_journal_of_a_former_version_says_what_an_api_was_asked() -> None:
    api_request = ApiRequest(api="responses", user="ann", model="m")
    created = Created(
        Message(message_id="q", conversation_id="c"), "a", "m", api_request=api_request
    )
    written = json.encode(created)

    assert b'"asked":{' in written
    assert json.decode(written, type=AnyEvent) == created


def test_a_text_of_a_former_version_is_no_refusal() -> None:
    written = b'{"type":"Created","request":{"messageId":"q","conversationId":"c"},'
    written += b'"response_id":"a","sender":"m","kept":[{"type":"text","text":"So"}]}'
    created = json.decode(written, type=AnyEvent)

    assert isinstance(created, Created)
    assert created.kept == (TextPart("So"),)


@pytest.mark.parametrize(
    "event",
    [
        StepStarted(0, "refusal"),
        RefusalDelta(0, "No."),
        LogprobsDelta(0, "a", '{"b":1}'),
        AnnotationAdded(0, UrlCitation("u", "t", 1, 2)),
    ],
)
def test_what_a_journal_keeps_comes_back(event: AnyEvent) -> None:
    assert json.decode(json.encode(event), type=AnyEvent) == event


def test_an_event_costs_its_texts() -> None:
    events: list[AnyEvent] = [
        RefusalDelta(0, "No."),
        LogprobsDelta(0, "a", '{"b":1}'),
        AnnotationAdded(0, UrlCitation("u", "t")),
        Finished(reason="stop"),
        Finished(
            reason="",
            response=Message(message_id="", conversation_id="", content=(TextPart("Yes."),)),
        ),
        StepStarted(0, "tool_call", ToolCall("", "", "{}")),
        StepCompleted(0, ToolCall("c", "f", "{}", output="rolled")),
        Asked(ask_id="", kind="question", index=0, payload={"a": ["b", 1]}, allowed=(), state="s"),
        Answered(ask_id="a", decision="edit", value={"b": ["c"], "d": None}),
        Queued(TURN),
    ]

    sizes = [text_bytes(event) for event in events]
    assert sizes[:5] == [3, 8, 2, 4, len("UserYes." + NO_PARENT)]
    assert sizes[5:7] == [len("tool_call{}"), len("cf{}rolled")]
    assert sizes[7:9] == [len("questionabs"), len("aeditbcd")]
    assert sizes[9] == 6 * 4 + len("agents") + len("Hinx")
