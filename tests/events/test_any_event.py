import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from legato.content import ApiRequest, Message, TextPart, UrlCitation
from legato.events import (
    AnnotationAdded,
    AnyEvent,
    Created,
    Cursor,
    Finished,
    LogprobsDelta,
    RefusalDelta,
    StepStarted,
    text_bytes,
)


@given(st.text("0123456789ABCDEF", min_size=1), st.integers(0, 10**15 - 1), st.integers(0, 10**14))
def test_a_cursor_comes_back_as_it_went(job_id: str, epoch: int, seq: int) -> None:
    cursor = Cursor(job_id, epoch, seq)

    assert Cursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize(
    "text",
    ["", "x", "J:1", "J:1:2:3", ":1:2", "J:-1:2", "J:1:+2", "J:1: 2", "J:1:٣", "J:1:" + "9" * 16],
)
def test_anything_else_is_no_cursor(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the message is the tuple's own in two cases
        Cursor.parse(text)


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
        Finished(),
    ]

    assert [text_bytes(event) for event in events] == [3, 8, 2, 0]
