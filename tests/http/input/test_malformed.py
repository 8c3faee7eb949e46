"""Bodies that are not JSON, or JSON of a wrong form."""

import pytest

from legato.config import Limits
from legato.http.input.json_bounds import MAX_VALUES
from legato.http.openai.paths import is_openai
from tests.support.http.client import Client, Reply
from tests.support.http.runtime import open_client

START = "/api/agents/chat"
COMPLETIONS = ["/v1/chat/completions", "/api/agents/v1/chat/completions"]
RESPONSES = [
    f"{start}/responses{end}" for start in ("/v1", "/api/agents/v1") for end in ("", "/compact")
]
PATHS = [
    *(START, "/api/agents/chat/agents", "/api/agents/chat/abort"),
    *(*COMPLETIONS, *RESPONSES),
]
DEEP = 5_000
QUICK = b'"model": "scripted", "messages": [{"role": "user", "content": "Hi"}], "tokens": 1'


def refused(reply: Reply, path: str) -> tuple[str, str | None]:
    """Message and param of a 400, in the shape of the API at `path`."""
    assert reply.status == 400, reply.text
    if not is_openai(path):
        return reply.body["message"], reply.body.get("param")
    assert set(reply.body) == {"error"}
    assert reply.body["error"]["type"] == "invalid_request_error"
    return reply.body["error"]["message"], reply.body["error"]["param"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"not json",
        b'{"x": "a"} x',
        b"{'text': 'a'}",
        b'{"text": NaN}',
        b'{"text": Infinity}',
        b'\xef\xbb\xbf{"text": "a"}',
        b'{"text": "a", "streamId": "\xff"}',
        '{"text": "a"}'.encode("utf-16"),
        rb'{"text": "\ud800", "streamId": "\ud800"}',
        rb'{"text": "\udc00a", "streamId": "\udc00"}',
        b'{"x": ' + b"[" * DEEP + b"]" * DEEP + b"}",
        b'{"x":' * DEEP + b"1" + b"}" * DEEP,
        b"text=a&streamId=b",
    ],
)
async def test_a_body_that_is_no_json_is_malformed(ann: Client, path: str, data: bytes) -> None:
    reply = await ann.ask("POST", path, data=data)

    message, _ = refused(reply, path)
    assert message.startswith("The request body contains malformed JSON")
    assert is_openai(path) or reply.body["error"] == "Invalid JSON format"


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "x", "gzip, identity"])
@pytest.mark.parametrize("path", PATHS)
async def test_a_body_in_another_coding_is_refused(ann: Client, path: str, coding: str) -> None:
    reply = await ann.ask("POST", path, data=b"\x1f\x8b", headers={"Content-Encoding": coding})

    assert reply.status == 415
    assert set(reply.body) == ({"error"} if is_openai(path) else {"error", "message"})


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("data", [b"[]", b"null", b"1", b'"text"', b"true"])
async def test_a_body_that_is_no_object_is_refused(ann: Client, path: str, data: bytes) -> None:
    reply = await ann.ask("POST", path, data=data)

    message, param = refused(reply, path)
    assert param == "body"
    assert "object" in message


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"9" * 20_000, b"1e400000"])
async def test_a_number_that_nobody_can_hold_is_refused(ann: Client, number: bytes) -> None:
    body = b'{"text": "a", "model_parameters": {"temperature": %b}}' % number
    reply = await ann.ask("POST", "/api/agents/chat", data=body)

    assert reply.status == 400
    assert reply.body["param"].startswith("model_parameters")
    assert "out of range" in reply.body["message"]


@pytest.mark.parametrize("path", COMPLETIONS)
@pytest.mark.parametrize("field", [b"temperature", b"max_tokens", b"seed", b"unknown", b"metadata"])
@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"9" * 20_000, b"1e400000"])
async def test_a_number_that_nobody_can_hold_is_never_a_fault_of_the_server(
    ann: Client, path: str, field: bytes, number: bytes
) -> None:
    reply = await ann.ask("POST", path, data=b"{%b, %b: %b}" % (QUICK, b'"%b"' % field, number))

    refused(reply, path)


@pytest.mark.parametrize("path", COMPLETIONS)
async def test_what_is_nested_beyond_reason_is_refused_wherever_it_is(
    ann: Client, path: str
) -> None:
    for depth in (100, 500, 900, 990, 5000):
        for field in (b"tools", b"metadata", b"unknown", b"response_format"):
            value = b"[" * depth + b"]" * depth
            reply = await ann.ask("POST", path, data=b'{%b, "%b": %b}' % (QUICK, field, value))
            refused(reply, path)


@pytest.mark.parametrize("path", RESPONSES)
@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"9" * 20_000, b"1e400000"])
async def test_a_number_in_an_input_is_never_a_fault_of_the_server(
    ann: Client, path: str, number: bytes
) -> None:
    part = b'[{"role": "user", "content": [{"type": "input_text", "text": "Hi", "x": %b}]}]'
    for value in (number, b"[%b]" % number, part % number):
        refused(await ann.ask("POST", path, data=b'{"model": "m", "input": %b}' % value), path)


@pytest.mark.parametrize("path", RESPONSES)
@pytest.mark.parametrize("field", [b"input", b"instructions", b"conversation", b"model"])
async def test_half_of_a_surrogate_pair_is_malformed_wherever_a_response_would_keep_it(
    ann: Client, path: str, field: bytes
) -> None:
    if path.endswith("/compact") and field == b"conversation":
        field = b"previous_response_id"
    body = rb'{"model": "scripted", "input": "Hi", "%b": "\ud800"}' % field
    message, _ = refused(await ann.ask("POST", path, data=body), path)
    assert "malformed" in message


@pytest.mark.parametrize("path", RESPONSES[::2])
async def test_what_is_nested_in_a_response_is_refused_wherever_it_is_handed_on(
    ann: Client, path: str
) -> None:
    for depth in (100, 900, 5000):
        deep = b'{"a":' * depth + b"1" + b"}" * depth
        for field in (
            b'"tools": [{"type": "function", "name": "f", "parameters": %b}]',
            b'"text": {"format": {"type": "json_schema", "name": "a", "schema": %b}}',
            b'"metadata": %b',
            b'"tool_choice": %b',
            b'"input": [%b]',
        ):
            data = b'{"model": "scripted", "input": "Hi", %b}' % (field % deep)
            refused(await ann.ask("POST", path, data=data), path)


@pytest.mark.parametrize("path", [START, *COMPLETIONS])
async def test_a_text_may_have_any_character(ann: Client, path: str) -> None:
    text = rb"\u0000 \ufffe \u2028 \ud83d\ude00 \u0007"
    body = rb'{"text": "%b", "model_parameters": {"tokens": 1}, "tokens": 1, ' % text
    body += rb'"model": "scripted", "messages": [{"role": "user", "content": "%b"}]}' % text
    reply = await ann.ask("POST", path, data=body)

    assert reply.status == 200, reply.text


@pytest.mark.parametrize("number", [b"9" * 20_000, b"1e5", b"1.5", b"99999999999999999999"])
async def test_an_index_that_is_none_is_refused(ann: Client, number: bytes) -> None:
    body = b'{"responseMessageId": "r", "editedContent": {"text": "x", "index": %b}}' % number
    reply = await ann.ask("POST", "/api/agents/chat", data=body)

    assert reply.status == 400
    assert reply.body["param"] in ("editedContent.index", "responseMessageId")


async def test_parameters_nested_beyond_reason_are_refused_at_every_depth(ann: Client) -> None:
    for depth in (100, 500, *range(850, 1010)):
        body = b'{"text": "a", "model_parameters": {"tokens": %b}}' % (b"[" * depth + b"]" * depth)
        reply = await ann.ask("POST", "/api/agents/chat", data=body)

        assert reply.status == 400, depth


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "nonsense", "", "\xff"]
)
async def test_json_is_json_whatever_its_content_type(ann: Client, content_type: str) -> None:
    reply = await ann.ask(
        "POST", "/api/agents/chat", {"text": "Hi"}, headers={"Content-Type": content_type}
    )

    assert reply.status == 200


async def test_a_body_over_three_megabytes_is_too_large(ann: Client) -> None:
    for size, status in ((Limits().max_body_bytes, 400), (Limits().max_body_bytes + 1, 413)):
        reply = await ann.ask("POST", "/api/agents/chat", data=b" " * size)

        assert reply.status == status
        assert set(reply.body) >= {"error", "message"}


async def test_the_bound_of_a_body_is_a_setting() -> None:
    async with open_client(limits=Limits(max_body_bytes=1000)) as ann:
        for path in PATHS:
            for size, status in ((1000, 400), (1001, 413)):
                assert (await ann.ask("POST", path, data=b" " * size)).status == status


async def test_of_two_fields_of_one_name_the_last_counts(ann: Client) -> None:
    reply = await ann.ask("POST", "/api/agents/chat", data=b'{"text": "", "text": "Hi"}')

    assert reply.status == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("value", [b"[]", b"{}", b"1", b'"\\\\"'])
async def test_a_body_of_a_million_values_is_refused_before_it_is_read(
    ann: Client, path: str, value: bytes
) -> None:
    data = b'{"text": [' + b",".join([value] * (1_500_000 // len(value))) + b"]}"
    reply = await ann.ask("POST", path, data=data)

    message, param = refused(reply, path)
    assert param == "body"
    assert f"{MAX_VALUES} are allowed" in message


@pytest.mark.parametrize("path", COMPLETIONS)
async def test_texts_may_have_as_much_of_what_separates_values_as_they_like(
    ann: Client, path: str
) -> None:
    said = {"role": "user", "content": '[{"a\\\\\\"":1},' * 15_000}
    body = {"model": "scripted", "messages": [said] * 4, "tokens": 1}
    reply = await ann.post(path, body)
    assert reply.status == 200, reply.text
