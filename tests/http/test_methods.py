"""Unknown paths and wrong methods, and the headers of every reply."""

import pytest
from msgspec import json
from trio.testing import MockClock

from tests.support.http.client import STILL, Client, everything


@pytest.mark.parametrize(
    "path",
    [
        "/api/unknown",
        "/api/",
        "/api",
        "/api/agent",
        "/api/agents/chat/stream",
        "/api/agents/chat/stream/",
        "/api/agents/chat/stream/a/b",
        "/api/messages/",
        "/api/convos/",
        "/api/convos/a/b",
        "/api//convos",
        "/unknown",
        "/c/",
        "/c/a/b",
        "/redocs",
        "/scalar",
        "/.env",
        "/%00",
        "/%ff%fe",
        "/\u2028",
    ],
)
async def test_an_unknown_path_is_not_found_in_json(ann: Client, path: str) -> None:
    reply = await ann.get(path)

    assert reply.status in (404, 405), reply.text
    assert set(reply.body) == {"error", "message"}


@pytest.mark.parametrize("start", ["/v1", "/api/agents/v1"])
@pytest.mark.parametrize(
    "path",
    [
        *("/", "/unknown", "/models/", "/chat", "/chat/completions/", "/%00", "//models", "/%ff"),
        *("/responses/", "/responses//input_items", "/responses/a/b", "/responses/../models"),
        *("/responses/%2e%2e%2fmodels", "/responses/x%2Finput_items/y"),
    ],
)
async def test_an_unknown_path_of_openais_is_said_in_its_shape(
    ann: Client, start: str, path: str
) -> None:
    reply = await ann.get(start + path)
    error = {"type": "invalid_request_error", "param": None, "code": None}

    assert reply.status == 404
    assert reply.body == {"error": {"message": "Endpoint not found", **error}}


@pytest.mark.parametrize("start", ["/v1", "/api/agents/v1"])
@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/chat/completions", {"POST"}),
        ("PUT", "/chat/completions", {"POST"}),
        ("NONSENSE", "/chat/completions", {"POST"}),
        ("POST", "/chat/completions/x/stream", {"GET", "HEAD"}),
        ("PUT", "/responses", {"POST", "GET", "HEAD"}),  # by GET a WebSocket is opened
        ("TRACE", "/responses", {"POST", "GET", "HEAD"}),
        ("GET", "/responses/x/cancel", {"POST"}),
        ("POST", "/responses/x", {"GET", "HEAD", "DELETE"}),
        ("DELETE", "/responses/x/input_items", {"GET", "HEAD"}),
        ("PATCH", "/responses/compact", {"GET", "HEAD", "DELETE", "POST"}),
    ],
)
async def test_a_wrong_method_of_openais_says_which_are_allowed(
    ann: Client, start: str, method: str, path: str, allowed: set[str]
) -> None:
    reply = await ann.ask(method, start + path)

    assert (reply.status, reply.body["error"]["type"]) == (405, "invalid_request_error")
    assert set(reply.headers["allow"].split(", ")) - {"OPTIONS"} == allowed


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/api/agents/chat", {"POST"}),
        ("PUT", "/api/agents/chat", {"POST"}),
        ("GET", "/api/agents/chat/abort", {"POST"}),
        ("DELETE", "/api/agents/chat/active", {"GET", "HEAD", "POST"}),
        ("POST", "/api/agents/chat/stream/x", {"GET", "HEAD"}),
        ("PATCH", "/api/convos", {"GET", "HEAD", "DELETE"}),
        ("POST", "/api/messages/x", {"GET", "HEAD"}),
        ("POST", "/healthz", {"GET", "HEAD"}),
        ("POST", "/", {"GET", "HEAD"}),
        ("TRACE", "/api/convos", {"GET", "HEAD", "DELETE"}),
        ("NONSENSE", "/api/models", {"GET", "HEAD"}),
    ],
)
async def test_a_wrong_method_says_which_are_allowed(
    ann: Client, method: str, path: str, allowed: set[str]
) -> None:
    reply = await ann.ask(method, path)

    assert (reply.status, reply.body["error"]) == (405, "Method Not Allowed")
    assert set(reply.headers["allow"].split(", ")) - {"OPTIONS"} == allowed


@pytest.mark.parametrize("path", ["/", "/healthz", "/api/models", "/api/convos", "/docs"])
async def test_head_is_get_without_the_body(ann: Client, path: str) -> None:
    got = await ann.get(path)
    head = await ann.ask("HEAD", path)

    assert (head.status, head.text) == (got.status, "")
    assert head.headers["content-length"] == got.headers["content-length"]


async def test_head_of_a_stream_says_its_headers_and_ends(
    ann: Client, mock_clock: MockClock
) -> None:
    started = await ann.start(model_parameters=STILL)
    head = await ann.ask("HEAD", f"/api/agents/chat/stream/{started['streamId']}")
    unknown = await ann.ask("HEAD", "/api/agents/chat/stream/unknown")

    assert (head.status, head.text) == (200, "")
    assert head.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert unknown.status == 404


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/agents/chat", {"POST", "OPTIONS"}),
        ("/api/convos", {"GET", "HEAD", "DELETE", "OPTIONS"}),
        ("/healthz", {"GET", "HEAD", "OPTIONS"}),
    ],
)
async def test_options_are_what_is_allowed(ann: Client, path: str, allowed: set[str]) -> None:
    reply = await ann.ask("OPTIONS", path, headers={"Origin": "http://evil.example"})

    assert (reply.status, reply.text) == (200, "")
    assert set(reply.headers["allow"].split(", ")) == allowed
    assert not any(name.startswith("access-control-") for name in reply.headers)


@pytest.mark.parametrize("host", [".", "", "a b", "[", "é", "x" * 300, "evil.example:99999999"])
async def test_a_host_that_is_no_name_does_no_harm(ann: Client, host: str) -> None:
    assert (await ann.ask("GET", "/healthz", headers={"Host": host})).status == 200
    assert (await ann.ask("GET", "/unknown", headers={"Host": host})).status == 404


@pytest.mark.parametrize("path", ["/api/convos", "/api/agents/chat/stream/x"])
async def test_a_query_that_is_not_utf8_is_refused_as_any_other(ann: Client, path: str) -> None:
    connection = ann.connect("GET", path, ann.headers)
    connection.scope["query_string"] = b"limit=\xff&token=\xff&after=\xff"
    async with connection:
        await connection.send_complete()
        body = await everything(connection)

    assert connection.status_code in (400, 401, 404)
    assert set(json.decode(body)) >= {"error", "message"}


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/docs", "/openapi.json", "/api/models", "/api/x", "/login"]
)
async def test_every_reply_carries_the_security_headers(ann: Client, path: str) -> None:
    reply = await ann.get(path)

    policy = reply.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["referrer-policy"] == "same-origin"
    assert reply.headers["cross-origin-opener-policy"] == "same-origin"
    assert reply.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    "path",
    [
        "/api/models",
        "/api/convos",
        "/api/x",
        "/v1/models",
        "/v1/x",
        "/login",
        "/healthz",
        "/metrics",
    ],
)
async def test_no_cache_keeps_a_reply_of_the_api(ann: Client, path: str) -> None:
    nobody = Client(ann.app, {})

    for reply in (await ann.get(path), await nobody.get(path)):
        assert reply.headers["cache-control"] == "no-store"


async def test_no_cache_keeps_a_stream(ann: Client) -> None:
    started = await ann.start()
    async with ann.follow(started["streamId"]) as stream:
        await stream.rest()
        assert stream.headers["cache-control"] == "no-store, no-transform"
