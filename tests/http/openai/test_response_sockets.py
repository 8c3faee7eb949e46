"""The Responses API over a WebSocket, on real connections."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio
from msgspec import json
from msgspec.structs import replace
from quart_trio.testing import TrioClient, connections
from trio_websocket import ConnectionClosed, ConnectionRejected

from legato.actors.messages import Standing
from legato.config.guards import Guards
from legato.http.openai.responses.sockets import LIFETIME
from tests.support.http.client import Client
from tests.support.http.live_server import SETTINGS, LiveServer, live_server
from tests.support.http.runtime import AttentiveModel, supervisor_of
from tests.support.openai.asked import PATH, TOOL, asked, said_in, scripted, text_of, valid
from tests.support.openai.sockets import TERMINAL, Talker, talking

AGENTS_PATH = "/api/agents/v1/responses"
MISSING = (400, "previous_response_id", "previous_response_not_found")


@pytest.fixture
async def server() -> AsyncIterator[LiveServer]:
    async with live_server(models=scripted()) as server:
        yield server


def read(server: LiveServer, model: str = "fast") -> list[str]:
    found = server.runtime.models[model]
    assert isinstance(found, AttentiveModel)
    return found.read()


@pytest.mark.parametrize("path", [PATH, AGENTS_PATH])
async def test_turn_after_turn_with_the_events_of_a_stream(server: LiveServer, path: str) -> None:
    async with talking(server, path) as ann:
        await ann.ask("rich", tools=[TOOL])
        first = await ann.answer()
        second = await ann.turn(previous_response_id=first[-1]["response"]["id"])

    assert said_in(first) == text_of(first[-1]["response"]) == text_of(second) == "w0 w1 w2 "
    assert second["previous_response_id"] == first[-1]["response"]["id"]
    assert read(server)[:2] == ["Hi", "w0 w1 w2 "]
    async with await server.connect() as client:
        assert valid(await client.json("GET", f"{PATH}/{second['id']}")) == second


async def test_what_comes_meanwhile_waits_for_its_turn(server: LiveServer) -> None:
    async with talking(server) as ann:
        for text in ("one", "two", "three"):
            await ann.ask(input=text)
        answers = [await ann.answer() for _ in range(3)]

    assert len({events[0]["response"]["id"] for events in answers}) == 3
    asked_for = [message.messages[-1].text for message in model_asked(server)]
    assert asked_for == ["one", "two", "three"]


def model_asked(server: LiveServer) -> list[Any]:
    found = server.runtime.models["fast"]
    assert isinstance(found, AttentiveModel)
    return list(found.asked)


async def test_what_is_not_stored_is_gone_on_from_on_its_own_connection_alone(
    server: LiveServer,
) -> None:
    async with talking(server) as ann, talking(server) as other:
        first = await ann.turn(input="one", store=False)
        await other.ask(previous_response_id=first["id"])
        assert await other.refusal() == MISSING
        second = await ann.turn(input="two", store=False, previous_response_id=first["id"])
        await ann.turn(input="three", previous_response_id=second["id"])
        whole = read(server)
        await ann.ask(previous_response_id=first["id"])  # only the last is remembered
        assert await ann.refusal() == MISSING
        assert (await other.turn())["status"] == "completed"

    assert whole == ["one", "w0 w1 w2 ", "two", "w0 w1 w2 ", "three"]


@pytest.mark.parametrize("store", [False, True])
async def test_a_connection_remembers_no_more_than_can_be_gone_on_from(
    server: LiveServer, store: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("http.openai.responses.chain", "storage.memory.responses"):
        monkeypatch.setattr(f"legato.{place}.LARGEST_CHAIN", 10_000)
    async with talking(server) as ann:
        last = await ann.turn(input="Hi", store=store)
        fits = await ann.turn(store=store, previous_response_id=last["id"])
        more = await ann.turn(input="x" * 9000, store=store, previous_response_id=fits["id"])
        await ann.ask(previous_response_id=more["id"])
        status, param, _ = await ann.refusal()
        assert (status, param) == (400, "previous_response_id")
        assert (await ann.turn())["status"] == "completed"


REFUSED: list[tuple[str | bytes, tuple[int, str | None]]] = [
    ("", (400, None)),
    (b"", (400, None)),
    ("{", (400, None)),
    ("[]", (400, "body")),
    (b"\xff\xfe", (400, None)),
    ('{"type":"response.create","input":"\\ud800"}', (400, None)),
    ('{"a":' * 5_000, (400, None)),
    ('{"type":"response.create","temperature":1e999}', (400, "body")),
    ("{}", (400, "type")),
    ('{"type":7}', (400, "type")),
    ('{"type":"response.cancel"}', (400, "type")),
    ('{"type":"response.create"}', (400, "input")),
    ('{"type":"response.create","input":"Hi","model":"gpt-0"}', (404, "model")),
    ('{"type":"response.create","input":"Hi","temperature":9}', (400, "temperature")),
    (
        '{"type":"response.create","model":"fast","input":"Hi","tools":[{"type":[]}]}',
        (400, "tools[0].type"),
    ),
]


async def test_what_is_refused_is_said_and_the_connection_goes_on(server: LiveServer) -> None:
    async with talking(server) as ann:
        for message, refused in REFUSED:
            await ann.say(message)
            assert (await ann.refusal())[:2] == refused, message
            assert (await ann.turn())["status"] == "completed"


CHANGING_NOTHING: list[dict[str, Any]] = [
    {"stream": True},
    {"stream": False},
    {"stream_options": {"include_obfuscation": False}},
    {"background": False},
    {"store": None, "stream": None, "background": None, "conversation": None, "tools": None},
    dict.fromkeys(("tool_choice", "text", "reasoning", "metadata", "instructions", "user")),
]


async def test_a_field_that_changes_nothing_is_no_error(server: LiveServer) -> None:
    async with talking(server) as ann:
        for fields in CHANGING_NOTHING:
            assert (await ann.turn(**fields))["status"] == "completed", fields


async def test_a_response_in_the_background_is_refused(server: LiveServer) -> None:
    async with talking(server) as ann:
        await ann.ask(background=True)
        assert (await ann.refusal())[:2] == (400, "background")


async def test_a_binary_message_is_as_good(server: LiveServer) -> None:
    async with talking(server) as ann:
        await ann.say(json.encode({"type": "response.create"} | asked()))
        assert (await ann.answer())[-1]["response"]["status"] == "completed"


@pytest.mark.parametrize(("model", "text"), [("refusing", ""), ("failing", "w0 w1 ")])
async def test_a_provider_that_fails_does_not_end_the_connection(
    server: LiveServer, model: str, text: str
) -> None:
    async with talking(server) as ann:
        failed = await ann.turn(model)
        assert (failed["status"], failed["error"]["code"]) == ("failed", "provider_error")
        assert text_of(failed) == text
        assert (await ann.turn())["status"] == "completed"


@pytest.mark.parametrize("in_good_order", [True, False])
async def test_a_client_that_leaves_stops_its_response(
    server: LiveServer, in_good_order: bool
) -> None:
    async with talking(server) as ann:
        await ann.ask("still")
        await ann.ask("fast")
        await ann.until('"w0 "')
        if not in_good_order:
            await trio.aclose_forcefully(ann.socket._stream)
    (job,) = supervisor_of(server.runtime).registry
    await job.ended.wait()

    assert (await job.ref.status()).standing is Standing.ABORTED


async def test_a_client_that_has_more_to_say_than_may_wait_is_as_good_as_gone() -> None:
    """Behind so many messages nobody would see the client leave."""
    async with live_server(models=scripted(), stall_timeout=0.5) as server:
        async with talking(server) as ann:
            await ann.ask("still")
            await ann.until('"w0 "')
            with pytest.raises(ConnectionClosed):
                await flood(ann)
        (job,) = supervisor_of(server.runtime).registry
        await job.ended.wait()

        assert (await job.ref.status()).standing is Standing.ABORTED


async def flood(ann: Talker) -> None:
    while True:
        await ann.ask()


async def test_who_cancels_it_elsewhere_ends_it_here(server: LiveServer) -> None:
    async with talking(server) as ann:
        await ann.ask("still")
        [*_, last] = await ann.until('"w0 "')
        response_id = "resp_" + last["item_id"].split("_")[1]
        async with await server.connect() as client:
            stopped = await client.json("POST", f"{PATH}/{response_id}/cancel")
        ending = await ann.until("response.failed")
        assert (await ann.turn())["status"] == "completed"

    assert ending[-1]["response"] == stopped


async def test_a_conversation_that_is_busy_is_said(server: LiveServer) -> None:
    async with talking(server) as ann, talking(server) as other:
        await ann.ask("still", conversation="talk")
        await ann.until('"w0 "')
        await other.ask(conversation="talk")
        assert await other.refusal() == (409, "conversation", "conversation_locked")


async def test_one_that_another_replica_took_is_lost(server: LiveServer) -> None:
    async with talking(server) as ann:
        await ann.ask("still")
        await ann.until('"w0 "')
        (job,) = supervisor_of(server.runtime).registry
        job.ownership.lose()
        [*_, lost] = await ann.until("generation_lost")
        assert (lost["status"], lost["error"]["type"]) == (503, "server_error")
        assert (await ann.turn())["status"] == "completed"


@pytest.mark.parametrize("busy", [False, True])
async def test_a_server_that_goes_waits_for_no_connection(busy: bool) -> None:
    async with live_server(models=scripted()) as server, talking(server) as ann:
        if busy:
            await ann.ask("still")
            await ann.until('"w0 "')
        async with trio.open_nursery() as nursery:
            nursery.start_soon(until_closed, ann)
            server.stop.set()
            server.hurry.set()
            with trio.fail_after(5):
                await server.stopped.wait()


async def until_closed(ann: Talker) -> None:
    try:
        while True:
            await ann.event()
    except ConnectionClosed:
        return


async def test_every_request_is_counted() -> None:
    settings = replace(SETTINGS, guards=Guards(calls_per_key="2/minute"))
    async with live_server(settings, models=scripted()) as server, talking(server) as ann:
        await ann.turn()
        await ann.say("{")
        await ann.refusal()
        await ann.ask()

        assert (await ann.refusal())[::2] == (429, "rate_limit_exceeded")


async def test_a_response_without_room_is_refused_and_the_connection_stays() -> None:
    settings = replace(SETTINGS, guards=Guards(max_stored_bytes_per_user=1))
    async with live_server(settings, models=scripted()) as server, talking(server) as ann:
        await ann.ask(store=True)
        assert (await ann.refusal())[::2] == (403, "storage_quota")
        await ann.turn(store=False)


async def test_every_request_is_moderated(nursery: trio.Nursery) -> None:
    """The moderation's server flags every text with `bad`."""

    async def judge(stream: trio.SocketStream) -> None:
        request = b""
        while b"]}" not in request:
            request += await stream.receive_some()
        flagged = b'["bad"]' in request
        body = json.encode({"results": [{"flagged": flagged, "categories": {"x": flagged}}]})
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        await stream.send_all(head.encode() + body)
        await stream.aclose()

    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    nursery.start_soon(trio.serve_listeners, judge, [listener])
    url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}/v1"
    settings = replace(SETTINGS, guards=Guards(moderation_url=url))
    async with live_server(settings, models=scripted()) as server, talking(server) as ann:
        await ann.turn(input="good")
        await ann.ask(input="bad")

        assert (await ann.refusal())[::2] == (400, "content_policy_violation")
        assert read(server) == ["good"]
    nursery.cancel_scope.cancel()


async def test_nobody_unknown_is_let_in(server: LiveServer) -> None:
    with pytest.RaisesGroup(ConnectionRejected, flatten_subgroups=True):
        async with talking(server, authorization="Bearer sk-nobody"):
            pass


async def test_a_connection_lasts_an_hour(
    asker: Client, autojump_clock: trio.testing.MockClock
) -> None:
    """A response that runs at that time is not cut."""
    connection = TrioClient(asker.app).websocket(PATH, headers=asker.headers)
    assert isinstance(connection, connections.TestWebsocketConnection)
    async with connection:
        await trio.sleep(LIFETIME - 1)
        await connection.send(json.encode({"type": "response.create"} | asked("still")).decode())
        events = [json.decode(await connection.receive())]
        while events[-1]["type"] not in TERMINAL:
            events.append(json.decode(await connection.receive()))
        assert trio.current_time() > LIFETIME + 100
        refused = json.decode(await connection.receive())

    assert (refused["status"], refused["error"]["code"]) == (
        400,
        "websocket_connection_limit_reached",
    )


async def test_one_that_has_lasted_long_enough_is_closed(
    asker: Client, autojump_clock: trio.testing.MockClock
) -> None:
    connection = TrioClient(asker.app).websocket(PATH, headers=asker.headers)
    assert isinstance(connection, connections.TestWebsocketConnection)
    async with connection:
        refused = json.decode(await connection.receive())
        assert trio.current_time() == pytest.approx(LIFETIME)
        assert refused["error"]["code"] == "websocket_connection_limit_reached"
