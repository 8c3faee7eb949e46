"""Refusals of the Responses API, which name the field."""

from typing import Any

import pytest

from legato.config import Limits
from tests.support.http.client import Client
from tests.support.openai.asked import PATH, TOOL, ann_asking, asked, created, refusal, with_headers

MESSAGE = {"role": "user", "content": "Hi"}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"model": None}, "model"),
    ({"model": 7}, "model"),
    ({"input": None}, "input"),
    ({"input": ""}, "input"),
    ({"input": []}, "input"),
    ({"input": 7}, "input"),
    ({"input": [MESSAGE, "Hi"]}, "input[1]"),
    ({"input": [MESSAGE, {"type": "magic"}]}, "input[1].type"),
    ({"input": [MESSAGE | {"role": "robot"}]}, "input[0].role"),
    ({"input": [MESSAGE | {"content": [{"type": "magic"}]}]}, "input[0].content[0].type"),
    ({"input": [MESSAGE | {"content": [{"type": "input_text"}]}]}, "input[0].content[0]"),
    ({"input": [{"type": "function_call_output", "output": "x"}]}, "input[0]"),
    ({"stream": "yes"}, "stream"),
    ({"background": 1}, "background"),
    ({"background": True, "store": False}, "store"),
    ({"store": "no"}, "store"),
    ({"temperature": 2.1}, "temperature"),
    ({"temperature": "warm"}, "temperature"),
    ({"top_p": -0.1}, "top_p"),
    ({"top_logprobs": 21}, "top_logprobs"),
    ({"max_output_tokens": 0}, "max_output_tokens"),
    ({"max_tool_calls": 0}, "max_tool_calls"),
    ({"presence_penalty": 3}, "presence_penalty"),
    ({"truncation": "sometimes"}, "truncation"),
    ({"service_tier": "gold"}, "service_tier"),
    ({"instructions": ["Be brief."]}, "instructions"),
    ({"metadata": {"a": 1}}, "metadata[...]"),
    ({"metadata": {"a": "x" * 513}}, "metadata[...]"),
    ({"metadata": {"k" * 65: "x"}}, "metadata"),
    ({"metadata": {str(key): "" for key in range(17)}}, "metadata"),
    ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
    ({"text": {"format": {"type": "poem"}}}, "text.format.type"),
    ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format"),
    ({"text": {"verbosity": "chatty"}}, "text.verbosity"),
    ({"tools": "add"}, "tools"),
    ({"tools": [TOOL, {"type": 7}]}, "tools[1].type"),
    ({"tools": [{"type": "web_search"}], "tool_choice": "required"}, "tool_choice"),
    ({"tools": [TOOL, {"type": "mcp"}], "tool_choice": {"type": "mcp"}}, "tool_choice.type"),
    ({"tools": [TOOL | {"name": "not a name"}]}, "tools[0].name"),
    ({"tools": [TOOL], "tool_choice": {"type": "function", "name": "gone"}}, "tool_choice"),
    ({"tool_choice": "maybe"}, "tool_choice"),
    ({"previous_response_id": 7}, "previous_response_id"),
    ({"previous_response_id": "a", "conversation": "b"}, "conversation"),
    ({"prompt": {"id": "p"}}, "prompt"),
    ({"cancel_on_disconnect": "no"}, "cancel_on_disconnect"),
]


async def test_the_field_that_is_wrong_is_named(asker: Client) -> None:
    for fields, param in WRONG:
        reply = await asker.post(PATH, asked() | fields)

        assert refusal(reply)[:2] == (400, param), (fields, reply.text)
        assert reply.body["error"]["type"] == "invalid_request_error"
        assert reply.body["error"]["message"].startswith(f"{param}: ")


async def test_an_unknown_model_is_not_found(asker: Client) -> None:
    assert refusal(await asker.post(PATH, asked("gpt-0"))) == (404, "model", "model_not_found")


async def test_what_changes_no_meaning_is_ignored(asker: Client) -> None:
    fields: dict[str, Any] = {
        "stream_options": {"include_obfuscation": False},
        "include": [],
        "anything": {"a": 1},
    }

    assert (await created(asker, **fields))["status"] == "completed"


@pytest.mark.parametrize(
    ("name", "value"),
    [("Idempotency-Key", "not a key"), ("X-Legato-Cancel-On-Disconnect", "maybe")],
)
async def test_headers_are_read_as_strictly(asker: Client, name: str, value: str) -> None:
    reply = await with_headers(asker, **{name: value}).post(PATH, asked())

    assert refusal(reply)[:2] == (400, name)


async def test_a_text_that_is_too_long() -> None:
    async with ann_asking(Limits(max_text_bytes=1000)) as ann:
        content = [{"type": "input_text", "text": "é" * 501}]
        replies = [
            await ann.post(PATH, asked(input="é" * 501)),
            await ann.post(PATH, asked(input=[{"role": "user", "content": content}])),
            await ann.post(PATH, asked(instructions="é" * 501)),
        ]

    assert [refusal(reply)[0] for reply in replies] == [413] * 3


async def test_bodies_that_are_too_large_or_packed(asker: Client) -> None:
    large = await asker.ask("POST", PATH, data=b" " * (Limits().max_body_bytes + 1))
    packed = await with_headers(asker, Content_Encoding="gzip").post(PATH, asked())

    assert (refusal(large)[0], refusal(packed)[0]) == (413, 415)


async def test_what_no_parser_should_have_to_take(asker: Client) -> None:
    deep: Any = "x"
    for _ in range(100):
        deep = {"a": deep}
    nested: list[tuple[dict[str, Any], str]] = [
        ({"tools": [TOOL | {"parameters": deep}]}, "tools"),
        (
            {"text": {"format": {"type": "json_schema", "name": "n", "schema": deep}}},
            "text",
        ),
    ]
    for fields, param in nested:
        assert refusal(await asker.post(PATH, asked(**fields)))[:2] == (400, param)
    digits = b'{"model":"fast","input":"Hi","temperature":%b}'
    for body in (
        b"",
        b"[]",
        b"null",
        b"\xff",
        b'{"model":"fast","input":"\\ud800"}',
        b'{"model":"fast","input":[{"role":"user","content":"\\ud800"}]}',
        digits % b"NaN",
        digits % b"1e999",
        digits % (b"9" * 20_000),
        b'{"a":' * 100_000,
        b'{"model":"fast","input":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ):
        reply = await asker.ask("POST", PATH, data=body)

        assert refusal(reply)[0] == 400, body[:80]


@pytest.mark.parametrize("field", ["input", "instructions", "metadata", "conversation"])
async def test_a_nul_is_taken_or_refused_but_does_no_harm(asker: Client, field: str) -> None:
    value: Any = {"key": "a\0b"} if field == "metadata" else "a\0b"
    reply = await asker.post(PATH, asked(**{field: value}))

    assert reply.status in (200, 400), reply.text


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", PATH), ("PATCH", f"{PATH}/resp_1"), ("GET", f"{PATH}/resp_1/cancel")],
)
async def test_wrong_methods_are_said_in_openais_shape(
    asker: Client, method: str, path: str
) -> None:
    reply = await asker.ask(method, path, {})

    assert refusal(reply)[0] == 405
    assert "allow" in reply.headers
