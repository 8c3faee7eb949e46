"""Refusals of Chat Completions, which name the field."""

from typing import Any

import pytest

from legato.config import Limits
from tests.support.http.client import Client
from tests.support.http.runtime import open_client
from tests.support.openai.chunks import ASKED, PATH

USER = {"role": "user", "content": "Hi"}


def said(**fields: Any) -> dict[str, Any]:
    return {"messages": [USER, {"role": "user", "content": "Hi"} | fields]}


FOREIGN: dict[str, Any] = {"tools": [{"type": "web_search"}]}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"model": 7}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": ["Hi"]}, "messages[0]"),
        (said(role="robot"), "messages[1].role"),
        (said(role=["user"]), "messages[1].role"),
        (said(role=None), "messages[1].role"),
        (said(content=None), "messages[1].content"),
        (said(content=7), "messages[1].content"),
        (said(content=[]), "messages[1].content"),
        (said(content=["Hi"]), "messages[1].content[0]"),
        (said(content=[{"text": "Hi"}]), "messages[1].content[0]"),
        (said(content=[{"type": "text"}]), "messages[1].content[0].text"),
        (said(role="assistant", content=None), "messages[1].content"),
        (said(role="assistant", content=None, tool_calls=[]), "messages[1].content"),
        (said(role="assistant", tool_calls="f"), "messages[1].tool_calls"),
        (said(role="assistant", tool_calls=["f"]), "messages[1].tool_calls"),
        (said(role="tool"), "messages[1].tool_call_id"),
        (said(role="tool", tool_call_id=""), "messages[1].tool_call_id"),
        ({"n": 0}, "n"),
        ({"n": "1"}, "n"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"stream": True, "stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({"tools": "f"}, "tools"),
        ({"tools": [{"type": "function"}, {"type": 7}]}, "tools[1].type"),
        (FOREIGN | {"tool_choice": "required"}, "tool_choice"),
        (FOREIGN | {"tool_choice": {"type": "function", "function": {"name": "f"}}}, "tool_choice"),
        (FOREIGN | {"tool_choice": {"type": "web_search"}}, "tool_choice.type"),
        ({"tools": [{}]}, "tools[0].type"),
        ({"metadata": {"a": 1}}, "metadata[...]"),
        ({"metadata": {str(key): "" for key in range(17)}}, "metadata"),
        ({"cancel_on_disconnect": "no"}, "cancel_on_disconnect"),
        ({"tokens": "many"}, "tokens"),
    ],
)
async def test_the_field_that_is_wrong_is_named(
    ann: Client, fields: dict[str, Any], param: str
) -> None:
    reply = await ann.post(PATH, ASKED | fields)

    error = reply.body["error"]
    assert (reply.status, error["param"], error["type"]) == (400, param, "invalid_request_error")
    assert error["message"].startswith(f"{param}: ")


async def test_an_unknown_model_is_not_found(ann: Client) -> None:
    reply = await ann.post(PATH, ASKED | {"model": "gpt-0"})

    assert (reply.status, reply.body["error"]["code"]) == (404, "model_not_found")
    assert reply.body["error"]["param"] == "model"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Idempotency-Key", "not a key"),
        ("Idempotency-Key", "k" * 129),
        ("X-Legato-Cancel-On-Disconnect", "maybe"),
    ],
)
async def test_headers_are_read_as_strictly(ann: Client, name: str, value: str) -> None:
    client = Client(ann.app, ann.headers | {name: value})
    reply = await client.post(PATH, ASKED)

    assert (reply.status, reply.body["error"]["param"]) == (400, name)


@pytest.mark.parametrize(
    ("content", "param"),
    [("é" * 501, "messages[0].content"), ([{"type": "text", "text": "x" * 1001}], None)],
)
async def test_a_text_that_is_too_long(content: Any, param: str | None) -> None:
    async with open_client(limits=Limits(max_text_bytes=1000)) as ann:
        reply = await ann.post(PATH, ASKED | {"messages": [{"role": "user", "content": content}]})

    assert reply.status == 413
    assert reply.body["error"]["param"] == (param or "messages[0].content[0].text")


async def test_what_no_parser_should_have_to_take(ann: Client) -> None:
    deep: list[Any] = []
    for _ in range(100):
        deep = [deep]
    nested = await ann.post(PATH, ASKED | {"response_format": deep})
    digits = b'{"model":"scripted","messages":[{"role":"user","content":"Hi"}],"seed":%b}'
    bodies = [
        b"",
        b"[]",
        b"null",
        b'{"model":"scripted","messages":[{"role":"user","content":"\\ud800"}]}',
        digits % b"NaN",
        digits % b"1e999",
        digits % (b"9" * 20_000),
        b'{"a":' * 100_000,
    ]

    assert (nested.status, nested.body["error"]["param"]) == (400, "response_format")
    for body in bodies:
        reply = await ann.ask("POST", PATH, data=body)

        assert reply.status == 400, body[:80]
        assert set(reply.body["error"]) == {"message", "type", "param", "code"}
