import gc
import json
import time
import tracemalloc
from collections.abc import Iterator, Mapping

import pytest
from msgspec import UNSET, msgpack

from legato.content import Usage
from legato.models.contract import (
    FinishReport,
    ModelEvent,
    ReasoningChunk,
    RefusalChunk,
    TextChunk,
    ToolCallChunk,
    UsageReport,
)
from legato.models.reader import MOST_DOCUMENT, MOST_DROPPED, MOST_PARTS, AnswerReader
from tests.support.models.reading import answer_of, read_all, text_of

LONGEST_STEP = 0.02  # seconds: for so long may an input hold everybody up


def data(body: str) -> bytes:
    return b"data: %b\n\n" % body.encode(errors="surrogatepass")


def chunk(delta: object, reason: object = None, **more: object) -> bytes:
    return data(json.dumps({"choices": [{"delta": delta, "finish_reason": reason}], **more}))


def fed(*wires: bytes) -> list[ModelEvent]:
    return AnswerReader("p").feed(b"".join(wires))


def ended(*wires: bytes) -> list[ModelEvent]:
    """The last events of an answer."""
    return read_all(*wires)[1][-2:]


DONE = data("[DONE]")
STOP = chunk({}, "stop")


def test_empty_and_null_fields_say_nothing() -> None:
    assert fed(chunk({"content": None}), chunk({"content": ""}), chunk(None), chunk({})) == []
    odd = ['{"choices": []}', '{"choices": null}', "{}", "", '{"error": null}', "null", "[]"]
    reader = AnswerReader("p")

    assert reader.feed(b"".join(map(data, odd))) == []
    assert (reader.failure, reader.unreadable) == (None, 1)  # a list of nothing is no chunk


def test_reasoning_is_said_before_the_text_of_the_same_chunk_and_only_once() -> None:
    both = {"content": "b", "reasoning": "a", "reasoning_content": "a"}

    assert fed(chunk(both)) == [ReasoningChunk("a"), TextChunk("b")]


def test_a_refusal_is_no_text() -> None:
    parts = [{"type": "text", "text": "Well. "}, {"type": "refusal", "refusal": "No."}]
    said = [TextChunk("Well. "), RefusalChunk("No.")]

    assert fed(chunk({"content": None, "refusal": "No."})) == [RefusalChunk("No.")]
    assert fed(chunk({"content": "Well. ", "refusal": "No."})) == said
    assert fed(chunk({"content": parts})) == said


def test_a_character_of_a_refusal_may_come_in_halves() -> None:
    first, second = (chunk({"refusal": half}) for half in ("\ud83d", "\ude00"))

    assert fed(first, second) == [RefusalChunk("\U0001f600")]


def test_a_whole_answer_may_be_a_refusal() -> None:
    message = {"role": "assistant", "content": None, "refusal": "No."}
    body = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()

    assert read_all(body)[1] == [RefusalChunk("No."), FinishReport("stop")]


def test_what_follows_done_is_not_read() -> None:
    assert fed(DONE, chunk({"content": "late"})) == []


@pytest.mark.parametrize("done", ["[DONE]", " [DONE] ", "[DONE]\ndata:"])
def test_done_is_one_however_it_is_spaced(done: str) -> None:
    assert ended(chunk({"content": "a"}), data(done)) == [TextChunk("a"), FinishReport("stop")]


def test_the_finish_has_what_the_provider_said_of_itself() -> None:
    first = chunk({"content": "a"}, service_tier="default", system_fingerprint="fp_1")
    second = chunk({}, "stop", service_tier=None, system_fingerprint={"odd": 1})

    assert ended(first, second)[-1] == FinishReport("stop", "fp_1", "default")


def test_done_ends_an_answer_of_calls_as_one() -> None:
    call = {"tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}]}

    assert ended(chunk(call), DONE)[-1] == FinishReport("tool_calls")


def test_the_last_usage_counts_and_stands_before_the_finish() -> None:
    first = chunk({}, "stop", usage={"prompt_tokens": 1})
    second = chunk({}, "", usage={"prompt_tokens": 2, "completion_tokens": 3})

    expected = [UsageReport(Usage(prompt_tokens=2, completion_tokens=3)), FinishReport("stop")]
    assert ended(first, second) == expected


@pytest.mark.parametrize(
    "number", ["null", "true", "[7]", '"none"', "1e999", "-Infinity", "NaN", "9" * 5000]
)
def test_a_count_that_is_none_is_not_made_up(number: str) -> None:
    counts = f'{{"usage": {{"prompt_tokens": {number}, "completion_tokens": {number}}}}}'

    assert ended(STOP, data(counts)) == [FinishReport("stop")]


@pytest.mark.parametrize("number", ["9007199254740993", "1" + "0" * 30, "1e300"])
def test_a_count_is_one_that_everybody_can_hold(number: str) -> None:
    report, _ = ended(STOP, data(f'{{"usage": {{"prompt_tokens": {number}}}}}'))

    assert report == UsageReport(Usage(2**53 - 1))
    assert msgpack.decode(msgpack.encode(Usage(2**53 - 1)), type=Usage) == Usage(2**53 - 1)


@pytest.mark.parametrize("usage", ["null", "7", '"none"', "[]", '{"completion_tokens": 1e999}'])
def test_a_usage_that_says_nothing_leaves_the_former(usage: str) -> None:
    first = chunk({}, "stop", usage={"prompt_tokens": 1})

    assert ended(first, data(f'{{"usage": {usage}}}')) == [
        UsageReport(Usage(1)),
        FinishReport("stop"),
    ]


@pytest.mark.parametrize(
    ("usage", "cached"),
    [
        ({"prompt_tokens_details": {"cached_tokens": 3}}, 3),
        ({"prompt_cache_hit_tokens": 3}, 3),
        ({"cached_tokens": 0}, 0),
        ({"prompt_tokens_details": None}, UNSET),
        ({"prompt_tokens_details": 7}, UNSET),
    ],
)
def test_cached_tokens_are_what_was_said_of_them(
    usage: Mapping[str, object], cached: object
) -> None:
    report, _ = ended(chunk({}, "stop", usage={"prompt_tokens": 9, **usage}))

    assert isinstance(report, UsageReport)
    assert report.usage.cached_tokens == cached


@pytest.mark.parametrize(
    ("usage", "reasoning"),
    [
        ({"completion_tokens_details": {"reasoning_tokens": 3}}, 3),
        ({"reasoning_tokens": 3}, 3),
        ({"completion_tokens_details": {"reasoning_tokens": 0}}, 0),
        ({"completion_tokens_details": None}, UNSET),
        ({"completion_tokens_details": {"reasoning_tokens": None}}, UNSET),
    ],
)
def test_reasoning_tokens_are_what_was_said_of_them(
    usage: Mapping[str, object], reasoning: object
) -> None:
    report, _ = ended(chunk({}, "stop", usage={"completion_tokens": 9, **usage}))

    assert isinstance(report, UsageReport)
    assert report.usage.reasoning_tokens == reasoning


@pytest.mark.parametrize(
    "nonsense", ["{", "[]", "7", '"text"', '{"a": ' * 50_000, "\ud83d", "\0", '{"choices":[}']
)
def test_what_cannot_be_read_is_skipped_and_counted(nonsense: str) -> None:
    reader, events = read_all(chunk({"content": "a"}), data(nonsense), chunk({"content": "b"}, "x"))

    assert events == [TextChunk("a"), TextChunk("b"), FinishReport("x")]
    assert reader.unreadable == 1


@pytest.mark.parametrize(
    "odd",
    [
        '{"choices": 1}',
        '{"choices": "a"}',
        '{"choices": [[]]}',
        '{"choices": [{"delta": 1}]}',
        '{"choices": [{"delta": {"tool_calls": 7}}]}',
        '{"choices": [{"delta": {"tool_calls": [{"function": 7}]}}]}',
        '{"choices": [{"delta": {"content": {"no": "text"}}}]}',
        '{"choices": [{"delta": {}, "finish_reason": {}}]}',
        '{"choices": [{"index": 1, "delta": {"content": "other"}}]}',
        '{"choices": [], "created": 1e9999}',
    ],
)
def test_an_odd_field_ends_no_answer(odd: str) -> None:
    reader, events = read_all(chunk({"content": "a"}), data(odd), chunk({"content": "b"}, "x"))

    assert events == [TextChunk("a"), TextChunk("b"), FinishReport("x")]
    assert reader.unreadable == 0


def test_an_odd_field_beside_a_text_leaves_the_text() -> None:
    odd = '{"created": -Infinity, "choices": [{"delta": {"content": "a", "x": NaN}}]}'

    assert fed(data(odd)) == [TextChunk("a")]


def test_a_number_in_the_place_of_a_text_is_one() -> None:
    assert fed(chunk({"content": 1}), chunk({"content": 0.5})) == [TextChunk("1"), TextChunk("0.5")]


@pytest.mark.parametrize(
    ("wires", "message"),
    [
        ([b"data: <html>\n\n"], "sent what is no chunk of an answer: <html>"),
        ([b"<html>Log in"], "sent no event stream: <html>Log in"),
        ([DONE], "sent no answer"),
        ([b""], "broke off"),
        ([b": ping\n\n"], "broke off"),
        ([b'{"choices": [{"mess'], "sent what is no chunk"),
        ([b'{"detail": "Not Found"}'], "sent no event stream: Not Found"),
        ([chunk({"content": "a"})], "broke off"),
    ],
)
def test_a_stream_in_which_nothing_can_be_read_says_what_came(
    wires: list[bytes], message: str
) -> None:
    reader, _ = read_all(*wires)

    assert message in str(reader.failure)


def test_a_connection_that_broke_was_cut_whatever_came() -> None:
    assert answer_of([b'{"choices": [{"mess'], is_broken=True).failure == "provider_cut"
    assert answer_of([b": ping\n\n"], is_broken=True).failure == "provider_cut"


def test_an_error_says_whether_it_came_in_mid_answer() -> None:
    error = data('{"error": {"message": "out of memory", "code": 500}}')

    assert "answered with an error: out of memory" in str(read_all(error)[0].failure)
    reader, events = read_all(chunk({"content": "a"}), error, chunk({"content": "b"}))
    assert "failed in mid-answer: out of memory" in str(reader.failure)
    assert events == [TextChunk("a")]


@pytest.mark.parametrize(
    "error",
    [
        data('{"object": "error", "message": "m"}'),
        data('{"type": "error", "error": {"message": "m"}}'),
        b"event: error\n" + data('{"message": "m"}'),
        b"event: error\n" + data("m"),
        b"event: error\n\n",
        data('{"choices": [{"error": {"message": "m"}}]}'),
        chunk({}, "error"),
        data('[{"error": {"message": "m"}}]'),
    ],
)
def test_an_error_is_one_in_every_shape(error: bytes) -> None:
    reader, events = read_all(chunk({"content": "a"}), error, DONE)

    assert reader.failure is not None
    assert reader.failure.reason == "provider_error"
    assert str(reader.failure).endswith((": m", ": no reason given"))
    assert events == [TextChunk("a")]


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b" \r\n\n"])
def test_an_answer_may_come_whole(start: bytes) -> None:
    message = {"role": "assistant", "content": "a", "reasoning_content": "t"}
    message["tool_calls"] = [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]  # type: ignore[assignment]
    wire = start + json.dumps({"choices": [{"message": message}], "usage": {}}, indent=1).encode()

    expected = [
        ReasoningChunk("t"),
        TextChunk("a"),
        ToolCallChunk(0, "c", "f", "{}"),
        FinishReport("tool_calls"),
    ]
    assert read_all(wire)[1] == expected
    assert read_all(*(wire[at : at + 1] for at in range(len(wire))))[1] == expected


@pytest.fixture
def no_garbage_collection() -> Iterator[None]:
    """The heap of a test run is large, and a collection of it is no part of a step."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def slowest_step(reader: AnswerReader, reads: Iterator[bytes]) -> float:
    slowest = 0.0
    for read in reads:
        began = time.thread_time()
        reader.feed(read)
        slowest = max(slowest, time.thread_time() - began)
        if reader.failure:
            break
    return slowest


SLICE = 16 * 1024
MANY_CALLS = json.dumps(
    {"choices": [{"delta": {"tool_calls": [{"index": i, "id": f"c{i}"} for i in range(500)]}}]}
)
ALTERNATING = chunk({"reasoning_content": "a"}) + chunk({"content": "b"})


@pytest.mark.usefixtures("no_garbage_collection")
@pytest.mark.parametrize(
    ("wire", "times", "message"),
    [
        pytest.param(b"data: " + b"x" * SLICE, 5000, "bytes that no answer", id="endless line"),
        pytest.param(b"x" * SLICE, 5000, "bytes that no answer", id="line without a colon"),
        pytest.param(
            (b"data: " + b"x" * 400 + b"\n") * 40, 5000, "bytes that no answer", id="endless event"
        ),
        pytest.param(b'{"a": "' + b"x" * SLICE, 300, "a document of more", id="endless document"),
        pytest.param(data(MANY_CALLS), 9, "128 tool calls", id="500 calls in an event"),
        pytest.param(ALTERNATING, MOST_PARTS, "1000 changes", id="thought and text in turn"),
        pytest.param(data("[" * 16_000), 99, None, id="deep"),
        pytest.param(b"\n" * SLICE, 99, None, id="blank lines"),
        pytest.param(b"\r" * SLICE, 99, None, id="carriage returns"),
        pytest.param(b":\n" * (SLICE // 2), 99, None, id="comments"),
    ],
)
def test_no_input_costs_unbounded_memory_or_holds_everybody_up(
    wire: bytes, times: int, message: str | None
) -> None:
    reader = AnswerReader("p")
    slowest = slowest_step(reader, (wire for _ in range(times)))
    tracemalloc.start()
    reader.feed(wire)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (message is None and reader.failure is None) or str(message) in str(reader.failure)
    assert slowest < LONGEST_STEP
    assert peak < 2 * MOST_DOCUMENT
    assert MOST_DROPPED > MOST_DOCUMENT


def test_half_a_character_waits_for_the_other_half_and_no_longer() -> None:
    def half(text: str) -> bytes:
        return data(f'{{"choices": [{{"delta": {{"content": "{text}"}}}}]}}')

    assert text_of(fed(half("a\\ud83d"), half("\\udc0bb"))) == "a🐋b"
    assert text_of(fed(half("a\\ud83d"), half("b"), half("\\udc0bc"))) == "a\ufffdb\ufffdc"
    assert text_of(read_all(half("a\\ud83d"), DONE)[1]) == "a"
