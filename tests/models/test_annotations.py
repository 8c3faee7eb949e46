"""Citations of a provider, and the cited text."""

import json
from typing import Any

import pytest

from legato.content import UrlCitation
from legato.models.annotations import LONGEST_TITLE, LONGEST_URL, MOST_CITATIONS
from legato.models.contract import (
    AnnotationChunk,
    FinishReport,
    ModelEvent,
    TextChunk,
    ToolCallChunk,
)
from legato.models.reader import AnswerReader
from tests.support.models.reading import read_all

A, B = UrlCitation("https://a.example", "A", 0, 2), UrlCitation("https://b.example", "B", 3, 9)


def said(*citations: UrlCitation) -> list[Any]:
    """As OpenAI and OpenRouter spell citations."""
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "url": each.url,
                "title": each.title,
                "start_index": each.start_index,
                "end_index": each.end_index,
            },
        }
        for each in citations
    ]


def chunk(reason: str | None = None, **delta: Any) -> bytes:
    choice = {"delta": delta, "finish_reason": reason}
    return b"data: %b\n\n" % json.dumps({"choices": [choice]}).encode()


def fed(*wires: bytes) -> list[ModelEvent]:
    return AnswerReader("p").feed(b"".join(wires))


def test_citations_follow_their_text_however_it_is_cut() -> None:
    wire = chunk(content="So", annotations=said(A)) + chunk("stop", annotations=said(B))
    events = [TextChunk("So"), AnnotationChunk(A), AnnotationChunk(B), FinishReport("stop")]

    assert read_all(wire)[1] == events
    assert read_all(*[wire[at : at + 1] for at in range(len(wire))])[1] == events


def test_a_whole_answer_has_citations_too() -> None:
    call = {"id": "c", "function": {"name": "f", "arguments": "{}"}}
    message = {"content": "So", "annotations": said(A), "tool_calls": [call]}
    body = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()

    assert read_all(body)[1] == [
        TextChunk("So"),
        AnnotationChunk(A),
        ToolCallChunk(0, "c", "f", "{}"),
        FinishReport("stop"),
    ]


def test_citations_before_the_text_are_said_behind_it() -> None:
    wires = [chunk(content="", annotations=said(A)), chunk(content="So"), chunk("stop")]

    assert read_all(*wires)[1] == [TextChunk("So"), AnnotationChunk(A), FinishReport("stop")]


def test_citations_that_are_repeated_are_said_once() -> None:
    wires = [chunk(content="a", annotations=said(A)), chunk(content="b", annotations=said(A, B))]

    assert fed(*wires) == [
        TextChunk("a"),
        AnnotationChunk(A),
        TextChunk("b"),
        AnnotationChunk(B),
    ]


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"type": "url_citation", "url": "u"}, UrlCitation("u")),
        ({"type": "url_citation", "url_citation": {"url": "u", "start_index": "3"}}, 3),
        ({"type": "url_citation", "url": "u", "title": 7, "end_index": None}, UrlCitation("u")),
        ({"type": "url_citation", "url": "u", "title": "t" * 9999}, LONGEST_TITLE),
        ({"type": "url_citation", "url": "u" * (LONGEST_URL + 1)}, None),
        ({"type": "url_citation"}, None),
        ({"type": "file_citation", "url": "u"}, None),
        (7, None),
    ],
)
def test_a_citation_is_read_field_by_field(given: object, read: object) -> None:
    text, *rest = fed(chunk(content="So", annotations=[given]))
    found = [each.annotation for each in rest if isinstance(each, AnnotationChunk)]

    assert text == TextChunk("So")
    if read == 3:
        assert found[0].start_index == 3
    elif read == LONGEST_TITLE:
        assert found[0].title == "t" * LONGEST_TITLE
    else:
        assert found == ([read] if read else [])


def test_citations_of_an_answer_are_bounded() -> None:
    many = [UrlCitation(f"u{number}") for number in range(MOST_CITATIONS + 1)]

    assert len(fed(chunk(content="So", annotations=said(*many)))) == 1 + MOST_CITATIONS
