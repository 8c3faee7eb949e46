"""Numbers and shapes for which only some parts of Legato have room: at every route."""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

import pytest

from legato.http.openai.paths import is_openai
from legato.models.scripted import ScriptedModel
from tests.http.input.test_malformed import START
from tests.support.http.client import ENDLESS, Client, Reply
from tests.support.http.live_server import live_server
from tests.support.http.runtime import open_client
from tests.support.openai.sockets import talking

DEEP: Final = 5000
SHAPES: Final[Mapping[str, bytes]] = {
    "half a surrogate pair": rb'"\ud800"',
    "the other half": rb'"a\udc00"',
    "NUL": rb'"\u0000a"',
    "a noncharacter": rb'"\uffff\ufdd0"',
    "not a number": b"NaN",
    "infinity": b"-Infinity",
    "beyond a float": b"1e999",
    "at the end of a float": b"1.7976931348623157e308",
    "nearly nothing": b"4.9e-324",
    "beyond 64 bits": b"18446744073709551616",
    "below 64 bits": b"-9223372036854775809",
    "many digits": b"9" * 20_000,
    "many digits of a fraction": b"0." + b"1" * 20_000,
    "many digits of an exponent": b"1e" + b"9" * 20_000,
    "deep arrays": b"[" * 65 + b"]" * 65,
    "deeper arrays": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * 65 + b"1" + b"}" * 65,
    "a long key": b'{"%b": 1}' % (b"k" * 100_000),
    "a key of NUL": rb'{"\u0000": {"\ud83d\ude00": "\u0000"}}',
    "half a key": rb'{"\ud800": 1}',
    "keys twice": b'{"type": "function", "type": 1, "id": [], "id": {}}',
    "many values": b"[" + b"[]," * 20_000 + b"[]]",
    "many keys": b"{" + b",".join(b'"k%d":0' % n for n in range(20_000)) + b"}",
    "many extremes": b"[" + b",".join([b"1.5e300"] * 300) + b"]",
    "an empty text": b'""',
    "an object": b"{}",
    "a list in a list": b"[[], [[]], null, true, 1.5]",
    "nothing": b"null",
}
TEXTS: Final = (
    *("\0", "a\0", "\ufffe", "😀" * 60, "x" * 4000, "9" * 4000, "-1", "1e999", "NaN", "2" * 30),
    *("a:1:1", "a:1:" + "9" * 30, "٣", "e30", "true", "null", "[]", "{}", "..", "%", " ", "'"),
)
RAW: Final = ("%ED%A0%80", "%FF", "%C0%80")  # what is no UTF-8

GOOD: Final = {
    "text": b'"Hi"',
    "model": b'"scripted"',
    "messages": b'[{"role": "user", "content": "Hi"}]',
    "input": b'"Hi"',
    "name": b'"k"',
}


@pytest.fixture
async def caller() -> AsyncIterator[Client]:
    async with open_client(ScriptedModel(parameters={"tokens": 1, "rate": 0})) as ann:
        yield ann


def sane(reply: Reply, *asked: object) -> None:
    assert reply.status < 500, (reply.status, *asked, reply.text)
    assert len(reply.text) < 4000 or reply.status in (200, 201), asked


async def described(client: Client) -> Mapping[str, Any]:
    return dict((await client.get("/openapi.json")).body)


def with_bodies(client: Client) -> Iterator[tuple[str, str]]:
    """Every route that may read a body; of paths with the same view, the first."""
    seen = set()
    for rule in client.app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}):
            if (key := (method, client.app.view_functions[rule.endpoint])) not in seen:
                seen.add(key)
                yield method, rule.rule


def filled(path: str, value: str = "x") -> str:
    return re.sub(r"<[^>]+>", value, path)


def fields_of(schema: Mapping[str, Any], description: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The fields of a body, and the fields of the objects in the body, as paths."""
    while "$ref" in schema:
        schema = description["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    paths: list[tuple[str, ...]] = []
    for name, field in schema.get("properties", {}).items():
        inner = [
            one for kind in (field, *field.get("anyOf", ())) for one in [kind] if "$ref" in one
        ]
        paths += [
            (name,),
            *((name, *path) for kind in inner for path in fields_of(kind, description)),
        ]
    return paths


def body_with(path: tuple[str, ...], value: bytes) -> bytes:
    for name in reversed(path[1:]):
        value = b'{"%b": %b}' % (name.encode(), value)
    good = b"".join(b'"%b": %b, ' % (k.encode(), v) for k, v in GOOD.items() if k != path[0])
    return b'{%b"%b": %b}' % (good, path[0].encode(), value)


@pytest.mark.parametrize("shape", SHAPES)
async def test_in_any_field_of_any_body_it_is_taken_or_refused(caller: Client, shape: str) -> None:
    description = await described(caller)
    asked = 0
    for method, rule in with_bodies(caller):
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)
        operation = description["paths"].get(path, {}).get(method.lower(), {})  # none of a form
        media = operation.get("requestBody", {}).get("content", {})
        schema = media.get("application/json", {}).get("schema", {})
        known = {name for name, *_ in fields_of(schema, description)}
        more = [("unknown",), ("model_parameters", "x"), ("metadata", "x"), ("tools", "x")]
        for field in [*fields_of(schema, description), *more]:
            reply = await caller.ask(method, filled(rule), data=body_with(field, SHAPES[shape]))
            sane(reply, method, rule, field)
            if (
                reply.status == 400
                and not is_openai(rule)
                and len(field) == 1
                and field[0] in known
            ):
                assert reply.body.get("param") or "malformed" in reply.body["message"], (
                    rule,
                    field,
                )
            asked += 1
        sane(await caller.ask(method, filled(rule), data=SHAPES[shape]), method, rule)
    assert asked > 70


async def test_in_any_path_it_is_taken_or_refused(caller: Client) -> None:
    rules = [each for each in caller.app.url_map.iter_rules() if "<" in each.rule]
    for rule in rules:
        for value in (*(quote(text, safe="") for text in TEXTS), *RAW):
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                sane(await caller.ask(method, filled(rule.rule, value)), rule.rule, value)
    assert len(rules) > 20


async def test_in_any_query_it_is_taken_or_refused(caller: Client) -> None:
    description, asked = await described(caller), 0
    for path, operations in description["paths"].items():
        parameters = operations.get("get", {}).get("parameters", ())
        for name in [each["name"] for each in parameters if each["in"] == "query"]:
            for value in (*(quote(text, safe="") for text in TEXTS), *RAW):
                place = re.sub(r"{[^}]+}", "x", path)
                method = "HEAD" if path in ENDLESS else "GET"
                sane(await caller.ask(method, f"{place}?{name}={value}"), place, name, value)
                asked += 1
    assert asked > 200


HEADERS: Final = (
    *("Last-Event-ID", "Idempotency-Key", "X-Legato-Cancel-On-Disconnect", "Content-Encoding"),
    *("Accept", "Cookie", "If-None-Match", "If-Modified-Since", "Range", "X-Forwarded-For"),
    *("Content-Type", "Origin", "X-Request-ID", "traceparent", "User-Agent", "Authorization"),
)


@pytest.mark.parametrize("header", HEADERS)
async def test_in_any_header_it_is_taken_or_refused(caller: Client, header: str) -> None:
    values = [text for text in TEXTS if text.isprintable() and text.isascii()]
    values += [
        "é\xff",
        "a=b; c",
        "Bearer " + "W" * 6000,
        "bytes=0-" + "9" * 40,
        "q=nan, */*;q=1e999",
    ]
    for value in values:
        for method, path in (
            ("POST", START),
            ("POST", "/v1/responses"),
            ("GET", f"{START}/stream/x"),
            ("GET", "/static/index.html"),
            ("GET", "/login"),
        ):
            body = (
                b'{"text": "Hi", "model": "scripted", "input": "Hi"}' if method == "POST" else b""
            )
            reply = await caller.ask(method, path, data=body, headers={header: value})
            sane(reply, header, value, path)


async def test_in_a_message_of_a_websocket_it_is_taken_or_refused() -> None:
    quick = ScriptedModel("quick", parameters={"tokens": 1, "rate": 0})
    async with live_server(models=[quick]) as server, talking(server) as ann:
        for shape in SHAPES.values():
            for field in (b"input", b"metadata", b"tools", b"type", b"unknown", b"text"):
                known = {b"type": b'"response.create"', b"model": b'"quick"', b"input": b'"Hi"'}
                parts = [b'"%b": %b' % each for each in (known | {field: shape}).items()]
                await ann.say(b"{" + b", ".join(parts) + b"}")
                event = await ann.event()
                while event["type"] not in ("error", "response.completed"):
                    event = await ann.event()
                assert event.get("status", 200) < 500, (field, shape[:40], event)
        answered = await ann.turn("quick")

    assert answered["status"] == "completed"
