"""Bodies that are no JSON, or JSON that nobody means."""

import pytest

from legato.http.application import MAX_BODY
from tests.http.client import Client

PATHS = ["/api/agents/chat", "/api/agents/chat/agents", "/api/agents/chat/abort"]
DEEP = 100_000


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"not json",
        b'{"text": "a"} x',
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

    assert reply.status == 400
    assert reply.body["error"] == "Invalid JSON format"
    assert reply.body["message"].startswith("The request body contains malformed JSON")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("data", [b"[]", b"null", b"1", b'"text"', b"true"])
async def test_a_body_that_is_no_object_is_refused(ann: Client, path: str, data: bytes) -> None:
    reply = await ann.ask("POST", path, data=data)

    assert reply.status == 400
    assert reply.body["param"] == "body"
    assert "object" in reply.body["message"]


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"9" * 20_000, b"1e400000"])
async def test_a_number_that_nobody_can_hold_is_refused(ann: Client, number: bytes) -> None:
    body = b'{"text": "a", "model_parameters": {"temperature": %b}}' % number
    reply = await ann.ask("POST", "/api/agents/chat", data=body)

    assert reply.status == 400
    assert reply.body["param"].startswith("model_parameters")
    assert "out of range" in reply.body["message"]


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
    for size, status in ((MAX_BODY, 400), (MAX_BODY + 1, 413)):
        reply = await ann.ask("POST", "/api/agents/chat", data=b" " * size)

        assert reply.status == status
        assert set(reply.body) >= {"error", "message"}


async def test_of_two_fields_of_one_name_the_last_counts(ann: Client) -> None:
    reply = await ann.ask("POST", "/api/agents/chat", data=b'{"text": "", "text": "Hi"}')

    assert reply.status == 200
