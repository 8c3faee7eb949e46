import json
from collections.abc import Mapping

import pytest
from msgspec import msgpack

from legato.content import Usage
from legato.models.completions import CompletionDecoder, message_in
from legato.models.contract import (
    FinishReport,
    ModelError,
    ModelEvent,
    ReasoningChunk,
    TextChunk,
    ToolCallChunk,
    UsageReport,
)


def chunk(delta: Mapping[str, object] | None, reason: str | None = None, **more: object) -> str:
    return json.dumps({"choices": [{"delta": delta, "finish_reason": reason}], **more})


def decoded(*datas: str) -> list[ModelEvent]:
    decoder = CompletionDecoder()
    return decoder.decode(datas)


def test_empty_and_null_fields_say_nothing() -> None:
    assert decoded(chunk({"content": None}), chunk({"content": ""}), chunk(None), chunk({})) == []
    assert decoded('{"choices": []}', '{"choices": null}', "{}", "", '{"error": null}') == []


def test_reasoning_is_said_before_the_text_of_the_same_chunk_and_only_once() -> None:
    both = {"content": "b", "reasoning": "a", "reasoning_content": "a"}

    assert decoded(chunk(both)) == [ReasoningChunk("a"), TextChunk("b")]


def test_a_refusal_is_text() -> None:
    assert decoded(chunk({"content": None, "refusal": "No."})) == [TextChunk("No.")]


def test_what_follows_done_is_not_read() -> None:
    assert decoded("[DONE]", chunk({"content": "late"})) == []


def test_calls_without_index_begin_with_an_id() -> None:
    def calls(*found: Mapping[str, object]) -> str:
        return chunk({"tool_calls": list(found)})

    first = {"id": "a", "function": {"name": "f", "arguments": "{"}}
    second = {"id": "b", "function": {"name": "g"}}
    expected = [
        ToolCallChunk(0, "a", "f", "{"),
        ToolCallChunk(0, args="}"),
        ToolCallChunk(1, "b", "g"),
    ]

    assert decoded(calls(first), calls({"function": {"arguments": "}"}}), calls(second)) == expected
    assert decoded(calls({"id": None})) == [ToolCallChunk(0, "call_0")]


def test_the_last_usage_counts_and_stands_before_the_finish() -> None:
    decoder = CompletionDecoder()
    decoder.decode([chunk({}, "stop", usage={"prompt_tokens": 1})])
    decoder.decode([chunk({}, "", usage={"prompt_tokens": 2, "completion_tokens": 3})])

    expected = [UsageReport(Usage(prompt_tokens=2, completion_tokens=3)), FinishReport("stop")]
    assert decoder.ending() == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("null", 0),
        ("-1", 0),
        ("-1e300", 0),
        ("7.0", 7),
        ("7.9", 7),
        ("9007199254740993", 2**53 - 1),
        ("1" + "0" * 30, 2**53 - 1),
        ("1e300", 2**53 - 1),
        ("true", 0),
        ('"7"', 0),
        ("[7]", 0),
    ],
)
def test_a_count_that_makes_no_sense_ends_no_answer(number: str, expected: int) -> None:
    decoder = CompletionDecoder()
    counts = f'"prompt_tokens": {number}, "completion_tokens": {number}'
    details = f'"completion_tokens_details": {{"reasoning_tokens": {number}}}'
    decoder.decode([chunk({}, "stop"), f'{{"usage": {{{counts}, {details}}}}}'])

    assert decoder.failure is None
    usage = Usage(expected, expected, expected)
    assert decoder.ending() == [UsageReport(usage), FinishReport("stop")]
    assert msgpack.decode(msgpack.encode(usage), type=Usage) == usage


@pytest.mark.parametrize(
    "usage",
    ["null", "7", '"none"', "[]", '{"completion_tokens": 1e999}', f'{{"a": {"9" * 5000}}}'],
)
def test_a_usage_that_says_nothing_leaves_the_former(usage: str) -> None:
    decoder = CompletionDecoder()
    decoder.decode([chunk({}, "stop", usage={"prompt_tokens": 1}), f'{{"usage": {usage}}}'])

    assert decoder.failure is None
    assert decoder.ending() == [UsageReport(Usage(1)), FinishReport("stop")]


def test_details_that_are_none_count_nothing() -> None:
    decoder = CompletionDecoder()
    said = {"prompt_tokens": 1, "completion_tokens_details": 7}
    decoder.decode([chunk({}, "stop", usage=said)])

    assert decoder.ending()[0] == UsageReport(Usage(1))


@pytest.mark.parametrize("index", ["-1", "1" + "0" * 30, "0.5", "1e999", "true", '"0"', "null"])
def test_an_index_that_is_none_ends_no_answer(index: str) -> None:
    def call(rest: str) -> str:
        return f'{{"choices": [{{"delta": {{"tool_calls": [{{"index": {index}, {rest}}}]}}}}]}}'

    first = call('"id": "a", "function": {"name": "f", "arguments": "{"}')
    second = call('"function": {"arguments": "}"}')

    assert decoded(first, second) == [ToolCallChunk(0, "a", "f", "{"), ToolCallChunk(0, args="}")]


def test_an_index_may_be_spelled_as_a_float() -> None:
    said = {"tool_calls": [{"index": 1.0, "id": "a", "function": {"name": "f"}}]}

    assert decoded(chunk(said)) == [ToolCallChunk(1, "a", "f")]


@pytest.mark.parametrize(
    "data", ["{", "[]", '{"choices": 1}', '{"choices": [{"delta": {"content": 1}}]}']
)
def test_what_is_no_chunk_is_a_failure(data: str) -> None:
    decoder = CompletionDecoder()

    assert decoder.decode([chunk({"content": "a"}), data]) == [TextChunk("a")]
    assert isinstance(decoder.failure, ModelError)
    assert data in str(decoder.failure)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"error": {"message": "no\\n such  model", "type": "x"}}', "no such model"),
        (b'{"error": "busy"}', "busy"),
        (b'[{"error": {"message": "quota"}}]', "quota"),
        (b'{"message": "a"}', "a"),
        (b'{"detail": [{"loc": ["body"], "msg": "field required"}]}', '{"loc":["body"],'),
        (b"plain \xff words", "plain � words"),
        (b'{"error": {}}', ""),
        (b"", ""),
        (b"503", "503"),
    ],
)
def test_words_for_people_are_found_in_any_body(body: bytes, expected: str) -> None:
    assert message_in(body).startswith(expected)
    assert bool(message_in(body)) == bool(expected)
