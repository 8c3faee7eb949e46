"""Steers and lanes over the WebSocket of the Responses API, on real connections."""

import threading
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

import legato
from legato.actors.ref import LocalRef
from legato.config import FunctionSettings
from legato.http.openai.responses.lanes import MOST_LANES, MOST_WAITING
from legato.http.openai.responses.steers import MOST_CHARACTERS
from legato.storage.contracts.errors import StorageError
from tests.http.openai.test_approvals import HOUSE, approval, requests_of
from tests.support.http.live_server import SETTINGS, LiveServer, live_server
from tests.support.http.runtime import AttentiveModel
from tests.support.openai.asked import PATH, Event, scripted, text_of
from tests.support.openai.runs import agent
from tests.support.openai.sockets import Talker, talking

STEER = "Shorter."
FREE = threading.Event()


@legato.tool
def wait() -> str:
    """Wait until the test goes on."""
    assert FREE.wait(5)
    return "waited"


WAIT = {"name": "wait"}
ROLL = {"name": "roll", "arguments": {"sides": 6}}
DONE = {"text": "Done."}
AGENTS = {
    "patient": agent({"calls": [WAIT]}, DONE, model="attentive", tools=("wait",)),
    "careful": agent(
        *({"calls": [ROLL, WAIT]}, DONE),
        model="attentive",
        tools=("wait", "roll"),
        approval={"roll": "ask"},
    ),
}
FUNCTIONS = {"wait": FunctionSettings(target=f"{__name__}:wait"), **HOUSE["functions"]}


@pytest.fixture
async def server() -> AsyncIterator[LiveServer]:
    FREE.clear()
    models = [*scripted(), AttentiveModel()]
    settings = replace(SETTINGS, agents=AGENTS, functions=FUNCTIONS)
    async with live_server(settings, models=models) as server:
        yield server
    FREE.set()


async def waiting_for_the_tool(ann: Talker, name: str) -> str:
    """The id of a response whose run waits for its tool."""
    await ann.ask(name)
    events = await ann.until("mcp_call_arguments.done")
    return str(events[0]["response"]["id"])


def read(server: LiveServer, model: str = "still") -> list[str]:
    found = server.runtime.models[model]
    assert isinstance(found, AttentiveModel)
    return found.read()


async def running(ann: Talker, **fields: Any) -> str:
    """The id of a response that has said `w0 `, and says nothing more."""
    await ann.ask("still", **fields)
    events = await ann.until('"w0 "')
    return str(events[0]["response"]["id"])


async def until_type(ann: Talker, *kinds: str) -> list[Event]:
    events = [await ann.event()]
    while events[-1]["type"] not in kinds:
        events.append(await ann.event())
    return events


def types(events: Sequence[Event]) -> list[str]:
    return [event["type"] for event in events]


@pytest.mark.parametrize("store", [True, False])
async def test_a_successor_reads_the_words_of_a_steer(server: LiveServer, store: bool) -> None:
    async with talking(server) as ann:
        first = await running(ann, store=store, instructions="Be kind.")
        await ann.steer(first, STEER)
        events = await until_type(ann, "response.created")
        successor = events[-1]["response"]
        await ann.until('"w0 "')
        model_read = read(server)

    [accepted] = [each for each in events if each["type"] == "response.steer.accepted"]
    [ended] = [each for each in events if each["type"] == "response.incomplete"]
    assert accepted["steer"]["previous_response_id"] == first
    assert types(events)[-2:] == ["response.incomplete", "response.created"]
    assert events.index(accepted) < events.index(ended)
    assert ended["response"]["incomplete_details"] == {"reason": "steered"}
    assert text_of(ended["response"]) == "w0 "
    assert successor["previous_response_id"] == first
    assert successor["instructions"] == "Be kind."
    assert events[-1]["sequence_number"] == 0
    assert model_read == ["Be kind.", "Hi", "w0 ", STEER]


async def test_steers_are_read_in_order_and_no_running_tool_is_cut(server: LiveServer) -> None:
    async with talking(server) as ann:
        first = await waiting_for_the_tool(ann, "patient")
        await ann.steer(first, [{"role": "user", "content": "One."}])
        await ann.steer(first, "Two.")
        accepted = [await ann.event() for _ in range(2)]
        FREE.set()
        ended = (await until_type(ann, "response.incomplete"))[-1]["response"]
        await ann.answer()

    assert types(accepted) == ["response.steer.accepted"] * 2
    assert ended["output"][-1]["output"] == "waited"
    assert read(server, "attentive")[-3:] == ["One.\n\nTwo.", "", "waited"]


async def test_a_stored_response_tells_that_it_was_steered(server: LiveServer) -> None:
    async with talking(server) as ann:
        first = await running(ann)
        await ann.steer(first, STEER)
        ended = (await until_type(ann, "response.incomplete"))[-1]["response"]
    async with await server.connect() as client:
        assert await client.json("GET", f"{PATH}/{first}") == ended


async def test_a_steer_has_a_receipt_after_the_connection(server: LiveServer) -> None:
    async with talking(server) as ann:
        first = await running(ann)
        await ann.steer(first, STEER)
        accepted = (await until_type(ann, "response.steer.accepted"))[-1]
        await until_type(ann, "response.incomplete")
    steer_id = accepted["steer"]["id"]
    async with await server.connect() as client:
        receipt = await client.json("GET", f"/api/agents/chat/steers/{steer_id}")

    assert (receipt["status"], receipt["why"], receipt["text"]) == ("returned", "finished", STEER)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("", "invalid_input"),
        (None, "invalid_input"),
        ([], "invalid_input"),
        ([{"role": "assistant", "content": "No."}], "invalid_input"),
        ([{"type": "function_call_output", "call_id": "c", "output": "x"}], "invalid_input"),
        ("x" * (MOST_CHARACTERS + 1), "invalid_input"),
    ],
)
async def test_wrong_words_come_back(server: LiveServer, given: Any, code: str) -> None:
    async with talking(server) as ann:
        first = await running(ann)
        await ann.steer(first, given)
        failed = await ann.event()

    assert (failed["type"], failed["error"]["code"]) == ("response.steer.failed", code)
    assert failed["steer"] == {"input": given, "previous_response_id": first}


async def test_words_for_no_running_response_come_back(server: LiveServer) -> None:
    async with talking(server) as ann, talking(server) as other:
        ended = await ann.turn()
        elsewhere = await running(other)
        talk = await running(ann, conversation="talk")
        codes = []
        names: list[Any] = [ended["id"], elsewhere, talk, "resp_none", 7, [], {}]
        for response_id in names:
            await ann.steer(response_id, STEER)
            codes.append((await ann.event())["error"]["code"])

    assert codes == [
        "response_already_completed",
        "response_not_found",
        "steering_not_supported",
        *["response_not_found"] * 4,
    ]


async def test_words_whose_owner_is_out_of_reach_come_back_and_hold_nothing_up(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise StorageError("the owner cannot be asked")

    async with talking(server) as ann:
        first = await running(ann)
        with monkeypatch.context() as patch:
            patch.setattr(LocalRef, "ask", fail)
            await ann.steer(first, STEER)
            failed = await ann.event()
        await ann.steer(first, STEER)
        events = await until_type(ann, "response.created")

    assert (failed["type"], failed["error"]["code"]) == (
        "response.steer.failed",
        "storage_unavailable",
    )
    assert "response.incomplete" in types(events)


async def test_words_wait_for_the_input_that_is_required(server: LiveServer) -> None:
    async with talking(server) as ann:
        first = await waiting_for_the_tool(ann, "careful")
        await ann.steer(first, STEER)
        accepted = await ann.event()
        FREE.set()
        ended, pending = (await until_type(ann, "response.steer.pending"))[-2:]
        [request] = requests_of(ended["response"])
        await ann.ask("careful", previous_response_id=first, input=[approval(request)])
        second = (await until_type(ann, "response.completed"))[-1]["response"]

    assert pending["steer"] == accepted["steer"]
    assert pending["reason"] == "waiting_for_required_input"
    assert pending["required_input"] == [
        {"type": "mcp_approval_response", "approval_request_id": request["id"]}
    ]
    assert second["output"][0]["approval_request_id"] == request["id"]
    assert read(server, "attentive").count(STEER) == 1


async def test_words_that_wait_outlast_a_request_that_is_refused(server: LiveServer) -> None:
    async with talking(server) as ann:
        first = await waiting_for_the_tool(ann, "careful")
        await ann.steer(first, STEER)
        await until_type(ann, "response.steer.accepted")
        FREE.set()
        ended, _ = (await until_type(ann, "response.steer.pending"))[-2:]
        [request] = requests_of(ended["response"])
        await ann.ask("nobody", previous_response_id=first, input=[approval(request)])
        refused = await ann.event()
        await ann.ask("careful", previous_response_id=first, input=[approval(request)])
        await until_type(ann, "response.completed")

    assert (refused["type"], refused["error"]["param"]) == ("error", "model")
    assert read(server, "attentive").count(STEER) == 1


async def test_a_response_that_is_deleted_ends_once_and_gives_its_words_back(
    server: LiveServer,
) -> None:
    async with talking(server) as ann, await server.connect() as client:
        first = await waiting_for_the_tool(ann, "patient")
        await ann.steer(first, STEER)
        accepted = await ann.event()
        await client.json("DELETE", f"{PATH}/{first}")
        ended = await until_type(ann, "response.failed")
        returned = await ann.event()
        await ann.ask()
        following = await ann.answer()

    assert ended[-1]["response"]["id"] == first
    assert returned["type"] == "response.steer.failed"
    assert returned["steer"] == accepted["steer"] | {"input": STEER}
    assert following[-1]["response"]["status"] == "completed"


async def test_lanes_go_side_by_side_and_a_lane_in_turn(server: LiveServer) -> None:
    async with talking(server) as ann:
        await ann.ask("still", stream_id="slow")
        slow = await ann.until('"w0 "')
        for text in ("one", "two"):
            await ann.ask(stream_id="quick", input=text)
        quick = [*await until_type(ann, "response.completed")]
        quick += await until_type(ann, "response.completed")
        await ann.steer(slow[0]["response"]["id"], STEER)
        steered = await until_type(ann, "response.created")

    assert {event["stream_id"] for event in slow} == {"slow"}
    assert {event["stream_id"] for event in quick} == {"quick"}
    assert types(quick).count("response.created") == 2
    assert {event["stream_id"] for event in steered} == {"slow"}


async def test_a_lane_goes_on_from_the_response_of_another(server: LiveServer) -> None:
    async with talking(server) as ann:
        await ann.ask(stream_id="a", store=False, input="one")
        [*_, ended] = await until_type(ann, "response.completed")
        await ann.ask(
            stream_id="b", store=False, previous_response_id=ended["response"]["id"], input="two"
        )
        await until_type(ann, "response.completed")

    assert read(server, "fast") == ["one", "w0 w1 w2 ", "two"]


async def test_lanes_and_waiting_messages_are_bounded(server: LiveServer) -> None:
    async with talking(server) as ann:
        for number in range(MOST_LANES):
            await ann.ask("still", stream_id=f"lane{number}")
            await ann.until('"w0 "')
        await ann.ask(stream_id="more")
        lanes = await ann.event()
        for _ in range(MOST_WAITING + 1):
            await ann.ask(stream_id="lane0")
        full = await ann.event()
        await ann.ask(stream_id="x" * 65)
        long = await ann.event()

    assert (lanes["status"], lanes["error"]["code"]) == (429, "websocket_lane_limit_reached")
    assert lanes["stream_id"] == "more"
    assert (full["status"], full["error"]["code"]) == (429, "websocket_lane_full")
    assert (long["status"], long["error"]["param"]) == (400, "stream_id")


async def test_lanes_without_work_make_room(server: LiveServer) -> None:
    async with talking(server) as ann:
        for number in range(2 * MOST_LANES):
            await ann.ask(stream_id=f"lane{number}")
            assert (await until_type(ann, "response.completed", "error"))[-1]["type"] != "error"
