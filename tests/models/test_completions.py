import json
from collections.abc import Mapping

import pytest

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
