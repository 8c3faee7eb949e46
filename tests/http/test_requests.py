"""A request's id: in the reply, and in every line of the log about the request."""

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from legato.logs import OWN, configure_logs
from tests.support.http.client import Client
from tests.support.http.runtime import open_client

Lines = list[dict[str, Any]]


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root, own = logging.getLogger(), logging.getLogger(OWN)
    former = root.handlers[:], root.level, own.level
    stream = io.StringIO()
    configure_logs("json", stream)
    yield stream
    root.handlers[:], root.level, own.level = former
    structlog.reset_defaults()


def lines(stream: io.StringIO, event: str) -> Lines:
    entries = map(json.loads, stream.getvalue().splitlines())
    return [entry for entry in entries if entry["event"] == event]


@pytest.mark.parametrize("path", ["/healthz", "/api/unknown", "/v1/unknown", "/", "/static/x"])
async def test_every_reply_has_an_id_of_its_own(nobody: Client, path: str) -> None:
    first, second = [await nobody.get(path) for _ in range(2)]

    assert re.fullmatch("req_[0-9a-f]{32}", first.headers["x-request-id"])
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


@pytest.mark.parametrize(
    ("given", "is_taken"),
    [
        ("a-1.b:c_D", True),
        ("x" * 128, True),
        ("x" * 129, False),
        ("", False),
        ("a b", False),
        ('a"b', False),
        ("é", False),
    ],
)
async def test_an_id_that_comes_well_formed_is_taken(
    nobody: Client, given: str, is_taken: bool
) -> None:
    reply = await nobody.ask("GET", "/healthz", headers={"X-Request-ID": given})

    assert (reply.headers["x-request-id"] == given) == is_taken


async def test_a_generation_tells_which_request_started_it(
    ann: Client, stream: io.StringIO
) -> None:
    started = await ann.ask(
        "POST",
        "/api/agents/chat",
        {"text": "Hi", "model_parameters": {"tokens": 1, "rate": 0}},
        headers={"X-Request-ID": "mine"},
    )
    await ann.read(started.body["generationId"], X_Request_ID="another")
    await ann.get("/healthz")

    (line,) = lines(stream, "generation ended")
    assert (line["job"], line["request"]) == (started.body["generationId"], "mine")


async def test_requests_are_logged_where_that_is_wanted(stream: io.StringIO) -> None:
    async with open_client(access_log=True) as ann:
        await ann.ask("GET", "/login?token=secret", headers={"X-Request-ID": "r1"})

    (line,) = lines(stream, "request answered")
    assert 0 <= line.pop("seconds") < 60
    assert {"method", "path", "status", "request"} <= set(line)
    assert (line["method"], line["path"], line["status"]) == ("GET", "/login", 401)
    assert line["request"] == "r1"
    assert "secret" not in stream.getvalue()


async def test_requests_are_not_logged_else(ann: Client, stream: io.StringIO) -> None:
    await ann.get("/api/models")

    assert lines(stream, "request answered") == []


async def test_requests_are_counted_by_route_and_no_client_makes_names(ann: Client) -> None:
    for path in ("/api/messages/a", "/api/messages/b", "/nowhere/a", "/nowhere/b"):
        await ann.get(path)
    await ann.ask("NONSENSE", "/nowhere")

    assert dict(ann.app.requests.answered) == {
        ("GET", "/api/messages/<conversation_id>", 404): 2,
        ("GET", "unknown", 404): 2,
        ("unknown", "unknown", 404): 1,
    }
