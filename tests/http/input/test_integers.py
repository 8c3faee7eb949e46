"""Integers that JSON can hold and msgpack cannot: refused at the door, with the field's name."""

from typing import Any

import pytest
from msgspec import json

from legato.http.errors import InvalidField
from legato.http.input.integers import check_integers
from legato.http.openai.paths import is_openai
from tests.http.input.test_malformed import PATHS, RESPONSES, START, refused
from tests.support.http.client import Client
from tests.support.http.live_server import live_server
from tests.support.openai.asked import scripted
from tests.support.openai.sockets import talking

ALLOWED = "integers from -2**63 to 2**64-1 are allowed"
TOO_LARGE = 2**64
TOO_SMALL = -(2**63) - 1
CHAT: dict[str, Any] = {
    "model": "scripted",
    "messages": [{"role": "user", "content": "Hi"}],
    "tokens": 1,
}


def asked(path: str) -> dict[str, Any]:
    """A good body for the route of `path`."""
    return CHAT | ({"input": "Hi"} if is_openai(path) else {"text": "Hi", "streamId": "s"})


def tool(maximum: float) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {"n": {"type": "integer", "maximum": maximum}}}
    return {"type": "function", "function": {"name": "f", "parameters": parameters}}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("number", [TOO_LARGE, TOO_SMALL, 10**100])
async def test_an_integer_out_of_range_is_refused_by_name(
    ann: Client, path: str, number: int
) -> None:
    body = asked(path) | {"unknown": [{}, {"a": [1, number]}]}
    message, param = refused(await ann.post(path, body), path)

    assert param == "unknown[1].a[1]"
    assert message.startswith(f"{param}: found the integer {str(number)[:39]}")
    assert message.endswith(f"; {ALLOWED}")
    assert len(message) < 200


async def test_a_tools_schema_is_refused_by_the_place_in_it(ann: Client) -> None:
    body = CHAT | {"tools": [tool(1), tool(TOO_LARGE)]}
    reply = await ann.post("/v1/chat/completions", body)
    _, param = refused(reply, "/v1/chat/completions")

    assert param == "tools[1].function.parameters.properties.n.maximum"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/convos/update", {"arg": {"conversationId": "c", "x": TOO_LARGE}}),
        ("/api/api-keys", {"name": "k", "x": [TOO_LARGE]}),
    ],
)
async def test_every_route_with_a_body_refuses_it(
    ann: Client, path: str, body: dict[str, Any]
) -> None:
    reply = await ann.post(path, body)

    assert reply.status == 400
    assert ALLOWED in reply.body["message"]


@pytest.mark.parametrize("path", RESPONSES[::2])
async def test_a_message_of_a_websocket_is_refused_and_the_next_is_answered(path: str) -> None:
    async with live_server(models=scripted()) as server, talking(server, path) as ann:
        await ann.ask(metadata={"a": TOO_LARGE})
        refusal = await ann.refusal()
        answered = await ann.turn()

    assert refusal == (400, "metadata.a", "invalid_request_error")
    assert answered["status"] == "completed"


@pytest.mark.parametrize("number", [2**64 - 1, -(2**63), 0, 1e300, 18446744073709551616.0])
async def test_what_every_part_can_hold_is_taken(ann: Client, number: float) -> None:
    good = CHAT | {"tools": [tool(number)]}
    text = {"role": "user", "content": f"99999999999999999999 -9999999999999999999 {number}"}
    for body in (good, good | {"messages": [text]}):
        reply = await ann.post("/v1/chat/completions", body)

        assert reply.status == 200, reply.text


@pytest.mark.parametrize(
    "body",
    [
        b'"99999999999999999999"',
        b'{"99999999999999999999": 1}',
        b"[0.00001234567890123456789, 12345678901234567890e0, -9999999999999999999.5]",
        b'{"a": 99999999999999999999, "a": 1}',
    ],
)
def test_no_long_run_of_digits_is_taken_for_one(body: bytes) -> None:
    check_integers(body)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "unread",
    [b"1e999", b"9" * 20_000, rb'"\ud800"', b"[" * 900 + b"]" * 900, b"[" * 5000 + b"]" * 5000],
)
async def test_nothing_in_an_unknown_field_hides_one(ann: Client, path: str, unread: bytes) -> None:
    known = json.encode(asked(path))[:-1]
    body = b'%b, "unknown": %b, "metadata": {"n": 99999999999999999999}}' % (known, unread)

    refused(await ann.ask("POST", path, data=body), path)


async def test_where_one_may_be_nested_it_is_refused_at_every_depth(ann: Client) -> None:
    for depth in (100, *range(850, 1010)):
        body = b'{"text": "a", "x": %b}' % (b"[" * depth + b"9" * 20 + b"]" * depth)

        assert (await ann.ask("POST", START, data=body)).status == 400, depth


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (TOO_LARGE, "body"),
        ([TOO_SMALL], "[0]"),
        ({"a.b": TOO_LARGE}, "a.b"),
        ([0] * 100_000 + [TOO_LARGE], "body"),
    ],
)
def test_it_is_named_as_well_as_that_can_be_done_quickly(body: Any, param: str) -> None:
    with pytest.raises(InvalidField, match=r"found (the|an) integer") as refused:
        check_integers(json.encode(body))

    assert refused.value.extra == {"param": param}


async def test_a_start_with_one_is_refused_before_anything_is_stored(ann: Client) -> None:
    reply = await ann.post(START, {"text": "Hi", "model_parameters": {"seed": TOO_LARGE}})

    assert (reply.status, reply.body["param"]) == (400, "model_parameters.seed")
    assert (await ann.ask("GET", "/api/convos")).body["conversations"] == []
