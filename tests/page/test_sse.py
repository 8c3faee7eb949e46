"""`sse.js`: the same events, however the bytes are cut."""

import pytest
from playwright.sync_api import Page

PARSE = """async ([text, sizes]) => {
    const { EventStreamParser } = await import("/static/js/sse.js");
    const bytes = new TextEncoder().encode(text);
    return sizes.map((size) => {
        const parser = new EventStreamParser();
        const events = [];
        for (let at = 0; at < bytes.length; at += size)
            events.push(...parser.push(bytes.slice(at, at + size)));
        return events;
    });
}"""

CUT_IN_TWO = """async (text) => {
    const { EventStreamParser } = await import("/static/js/sse.js");
    const bytes = new TextEncoder().encode(text);
    return [...bytes.keys()].map((cut) => {
        const parser = new EventStreamParser();
        return [...parser.push(bytes.slice(0, cut)), ...parser.push(bytes.slice(cut))];
    });
}"""

STREAM = (
    ": a comment first\n\n"
    'event: message\nid: job:1:1\ndata: {"text":"Grüße, 世界 🎶"}\n\n'
    ": hb\n\n"
    "data: two\ndata: lines\n\n"
    "data:no space\ndata:  two spaces\n\n"
    'id: job:1:2\nevent: error\ndata: {"error":"no"}\n\n'
    "event: lost without data\n\n"
    "id: bad\0id\ndata: keeps the id before\n\n"
    "data\n\n"
    "retry: 10\nunknown: field\ndata: last\n\n"
    "data: not yet complete\n"
)

EVENTS = [
    {"event": "message", "id": "job:1:1", "data": '{"text":"Grüße, 世界 🎶"}'},
    {"event": "message", "id": "job:1:1", "data": "two\nlines"},
    {"event": "message", "id": "job:1:1", "data": "no space\n two spaces"},
    {"event": "error", "id": "job:1:2", "data": '{"error":"no"}'},
    {"event": "message", "id": "job:1:2", "data": "keeps the id before"},
    {"event": "message", "id": "job:1:2", "data": ""},
    {"event": "message", "id": "job:1:2", "data": "last"},
]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_events_are_the_same_in_reads_of_any_size(modules: Page, line_end: str) -> None:
    sizes = [1, 2, 3, 5, 8, 64, 10_000]

    parsed = modules.evaluate(PARSE, [STREAM.replace("\n", line_end), sizes])

    assert parsed == [EVENTS] * len(sizes)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_events_are_the_same_wherever_one_cut_falls(modules: Page, line_end: str) -> None:
    parsed = modules.evaluate(CUT_IN_TWO, STREAM.replace("\n", line_end))

    assert all(events == EVENTS for events in parsed)


def test_sse_injection_is_only_text(modules: Page) -> None:
    """A payload with escaped line breaks and U+2028 stays one event."""
    payload = '{"text":"\\r\\n\\nevent: error\\ndata: x\u2028  \\u0000"}'

    (events,) = modules.evaluate(PARSE, [f"data: {payload}\n\n", [1]])

    assert events == [{"event": "message", "id": "", "data": payload}]
