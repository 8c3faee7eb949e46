"""The Responses API and hostile or broken clients."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec import json
from quart.testing import WebsocketResponseError
from quart.typing import TestWebsocketConnectionProtocol as Opened
from quart_trio.testing import TrioClient

from legato.config import Limits
from legato.http.input.nesting import MAX_MESSAGES
from tests.support.http.client import FAST, Client
from tests.support.http.runtime import AttentiveModel, open_client

PATHS = ["/v1/responses", "/api/agents/v1/responses"]
[PATH, _] = PATHS
ASKED: dict[str, Any] = {"model": "attentive", "input": "Hi"}


@asynccontextmanager
async def quick(**limits: Any) -> AsyncIterator[Client]:
    async with open_client(AttentiveModel(parameters=FAST), limits=Limits(**limits)) as ann:
        yield ann


@asynccontextmanager
async def socket(client: Client, headers: dict[str, str]) -> AsyncIterator[Opened]:
    async with TrioClient(client.app, use_cookies=False).websocket(PATH, headers=headers) as opened:
        yield opened


async def turn(opened: Opened) -> dict[str, Any]:
    """Ask for a response; returns the last event, or the refusal."""
    await opened.send(json.encode({"type": "response.create", **ASKED}).decode())
    event: dict[str, Any] = {}
    while event.get("type") not in ("response.completed", "error"):
        event = json.decode(await opened.receive())
    return event


def refusal(reply: Any) -> tuple[str | None, str]:
    assert reply.status == 400, reply.text
    return reply.body["error"]["param"], reply.body["error"]["message"]


@pytest.mark.parametrize("api", ["responses", "chat_completions"])
async def test_a_request_of_the_chat_routes_is_none_of_an_apis_whatever_it_is_called(
    api: str,
) -> None:
    async with quick() as ann:
        started = await ann.start(clientRequestId=f"{api}:k")
        messages = [{"role": "user", "content": "Hi"}]
        path = PATH if api == "responses" else "/v1/chat/completions"
        body = ASKED if api == "responses" else {"model": "attentive", "messages": messages}
        for stream in (False, True):
            reply = await ann.ask(
                "POST", path, body | {"stream": stream}, headers={"Idempotency-Key": "k"}
            )
            assert reply.status == 200, reply.text
            assert started["generationId"] not in reply.text


@pytest.mark.parametrize("path", PATHS)
async def test_an_item_is_in_an_input_once_however_often_it_is_named(path: str) -> None:
    """Or three megabytes of references would stand for terabytes of text."""
    async with quick() as ann:
        first = await ann.post(path, ASKED)
        [answer] = first.body["output"]
        named = {"type": "item_reference", "id": answer["id"]}
        following = ASKED | {"previous_response_id": first.body["id"]}
        once = await ann.post(path, following | {"input": [named]})
        twice = await ann.post(path, following | {"input": [named, named]})
        own = {"role": "user", "content": "Hi", "id": "mine"}
        again = await ann.post(path, ASKED | {"input": [own, {"id": "mine"}]})

        assert once.status == 200
        for reply in (twice, again):
            param, message = refusal(reply)
            assert param == "input[1].id"
            assert "once" in message


@pytest.mark.parametrize("named", ["previous_response_id", "conversation"])
async def test_what_is_too_large_to_go_on_from_is_refused_as_such(
    named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("legato.storage.memory.responses.LARGEST_CHAIN", 10_000)
    long = ASKED | {"input": "x" * 10_000}
    async with quick() as ann:
        if named == "conversation":
            long |= {"conversation": "c"}
        first = await ann.post(PATH, long)
        assert first.status == 200
        name = "c" if named == "conversation" else first.body["id"]
        for path in (PATH, f"{PATH}/compact") if named != "conversation" else (PATH,):
            param, message = refusal(await ann.post(path, ASKED | {named: name}))
            assert param == named
            assert "bytes are allowed" in message


async def test_what_has_too_many_items_to_go_on_from_is_refused_as_such(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("legato.http.openai.responses.chain.MOST_ITEMS", 4)
    async with quick() as ann:
        first = await ann.post(PATH, ASKED)
        second = await ann.post(PATH, ASKED | {"previous_response_id": first.body["id"]})
        assert second.status == 200
        more = [{"role": "user", "content": "Hi"}] * 2
        third = await ann.post(
            PATH, ASKED | {"previous_response_id": second.body["id"], "input": more}
        )
        assert third.status == 200
        refused = await ann.post(PATH, ASKED | {"previous_response_id": third.body["id"]})

    param, message = refusal(refused)
    assert param == "previous_response_id"
    assert "4 items" in message


@pytest.mark.parametrize("field", ["truncation", "service_tier", "tool_choice", "reasoning"])
async def test_a_refusal_is_short_whatever_was_found(field: str) -> None:
    found: Any = {"effort": "x" * 100_000} if field == "reasoning" else "x" * 100_000
    async with quick() as ann:
        reply = await ann.post(PATH, ASKED | {field: found})

    param, _ = refusal(reply)
    assert param is not None
    assert param.startswith(field)
    assert len(reply.text) < 1000


async def test_a_key_that_was_deleted_begins_no_turn_on_a_websocket_that_is_open() -> None:
    async with quick() as ann:
        made = (await ann.post("/api/api-keys", {"name": "k"})).body
        async with socket(ann, {"Authorization": f"Bearer {made['key']}"}) as opened:
            assert (await turn(opened))["type"] == "response.completed"
            await ann.ask("DELETE", f"/api/api-keys/{made['id']}")
            refused = await turn(opened)

    assert (refused["type"], refused["status"]) == ("error", 401)
    assert refused["error"]["code"] == "invalid_api_key"


async def test_a_key_without_the_scope_opens_no_websocket() -> None:
    async with quick() as ann:
        fields = {"name": "k", "scopes": ["models", "chat_completions"]}
        made = (await ann.post("/api/api-keys", fields)).body
        with pytest.RaisesGroup(WebsocketResponseError) as refused:
            async with socket(ann, {"Authorization": f"Bearer {made['key']}"}) as opened:
                await opened.receive()

    [error] = refused.value.exceptions
    assert isinstance(error, WebsocketResponseError)
    assert error.response.status_code == 403


async def test_of_messages_there_are_only_so_many() -> None:
    """Without a bound, a single request could keep a process busy for seconds."""
    said = [{"role": "user", "content": ""}]
    async with quick() as ann:
        for path, field in (PATH, "input"), ("/v1/chat/completions", "messages"):
            reply = await ann.post(path, {"model": "attentive", field: said * (MAX_MESSAGES + 1)})
            param, message = refusal(reply)
            assert param == field
            assert f"{MAX_MESSAGES} are allowed" in message
