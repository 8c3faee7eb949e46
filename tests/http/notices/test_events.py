"""The stream of notices: what other tabs and devices of a user hear, in order, and once."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.config import AgentSettings, Limits
from tests.support.http.client import FAST, STILL, Client, Frame, Stream
from tests.support.http.runtime import open_client

EVENTS = "/api/events"


async def told(stream: Stream, count: int) -> Sequence[tuple[str, Mapping[str, Any]]]:
    """Names and data of the next events, without the times."""
    frames = [await event(stream) for _ in range(count)]
    assert all(frame.data.pop("at") > 1.7e12 for frame in frames)
    return [(frame.name, frame.data) for frame in frames]


async def event(stream: Stream) -> Frame:
    """The next event; comments are silence."""
    while (frame := await stream.next()).name == ":":
        pass
    return frame


async def begun(stream: Stream) -> str:
    """The cursor at which a reader who knows nothing begins."""
    first = await stream.next()
    assert first.name == "reset"
    return first.cursor


def ids(started: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: started[key] for key in ("conversationId", "generationId")}


async def test_a_reader_who_knows_nothing_is_told_to_read_the_lists(ann: Client) -> None:
    async with ann.open(EVENTS) as stream:
        first = await stream.next()

    assert stream.status == 200
    assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert (first.name, list(first.data)) == ("reset", ["at"])
    assert first.cursor


async def test_a_generation_begins_ends_and_gets_its_title(ann: Client) -> None:
    async with ann.open(EVENTS) as stream:
        await begun(stream)
        started = await ann.start("Name this please")
        heard = await told(stream, 3)

    assert heard == [
        ("started", ids(started)),
        ("ended", {**ids(started), "status": "complete", "reason": "stop"}),
        ("renamed", {"conversationId": started["conversationId"], "title": "Name this please"}),
    ]


async def test_a_stop_and_a_failure_are_told_as_they_were(ann: Client) -> None:
    async with ann.open(EVENTS) as stream:
        await begun(stream)
        first = await ann.start(model_parameters=STILL)
        await ann.post("/api/agents/chat/abort", {"generationId": first["generationId"]})
        second = await ann.start(model_parameters={"fail_after": 1, "rate": 0})
        heard = [each for each in await told(stream, 5) if each[0] != "renamed"]

    assert heard == [
        ("started", ids(first)),
        ("ended", {**ids(first), "status": "aborted"}),
        ("started", ids(second)),
        ("ended", {**ids(second), "status": "error", "reason": "provider_error"}),
    ]


async def test_a_waiting_turn_is_told_at_every_change_and_when_it_never_begins(
    ann: Client, mock_clock: MockClock
) -> None:
    async with ann.open(EVENTS) as stream:
        await begun(stream)
        first = await ann.start("first", model_parameters=STILL)
        await event(stream)
        same = {"conversationId": first["conversationId"], "on_busy": "enqueue"}
        second, third = await ann.start("second", **same), await ann.start("third", **same)
        await ann.post("/api/agents/chat/queue/front", ids(third))
        await ann.post("/api/agents/chat/queue/cancel", ids(second))
        heard = await told(stream, 4)

    assert heard == [
        ("queued", ids(second)),
        ("queued", ids(third)),
        ("queued", ids(third)),
        ("cancelled", ids(second)),
    ]


async def test_an_ask_and_its_answer_are_told() -> None:
    call = {"name": "ask_user", "arguments": {"question": "Which?", "options": ["A", "B"]}}
    script = [{"calls": [call]}, {"text": "So be it."}]
    agent = AgentSettings(
        model="scripted", tools=("ask_user",), parameters={"rate": 0, "script": script}
    )
    async with open_client(agents={"curious": agent}) as ann, ann.open(EVENTS) as stream:
        await begun(stream)
        started = await ann.start(agent_id="curious", model_parameters={})
        [_, (name, ask)] = await told(stream, 2)
        await ann.post("/api/agents/chat/resume", {**ids(started), "answer": "A"})
        [(other, answer), (last, _)] = await told(stream, 2)

    assert (name, other, last) == ("asked", "answered", "ended")
    assert ask == {**ids(started), "actionId": ask["actionId"], "actionKind": "question"}
    assert answer == {**ids(started), "actionId": ask["actionId"], "decision": "answer"}


async def test_a_rename_and_a_deletion_are_told(ann: Client) -> None:
    started = await ann.start()
    await ann.read(started["streamId"])
    await ann.get(f"/api/convos/gen_title/{started['conversationId']}")
    named = {"conversationId": started["conversationId"], "title": "Other"}
    async with ann.open(EVENTS) as stream:
        await begun(stream)
        await ann.post("/api/convos/update", {"arg": named})
        await ann.ask("DELETE", "/api/convos", {"arg": named})
        heard = await told(stream, 2)

    assert heard == [
        ("renamed", named),
        ("deleted", {"conversationId": started["conversationId"]}),
    ]


async def test_nobody_hears_of_another_user(ann: Client, bob: Client) -> None:
    async with ann.open(EVENTS) as stream, bob.open(EVENTS) as other:
        await begun(stream)
        await begun(other)
        await bob.finish()
        mine = await ann.start()
        [(_, first)] = await told(stream, 1)
        theirs = [each.data["conversationId"] async for each in endless(other, 3)]

    assert first == ids(mine)
    assert mine["conversationId"] not in theirs


async def endless(stream: Stream, count: int) -> AsyncIterator[Frame]:
    for _ in range(count):
        yield await event(stream)


async def test_a_request_to_an_api_is_nothing_that_a_page_shows(ann: Client) -> None:
    async with ann.open(EVENTS) as stream:
        await begun(stream)
        asked = {"model": "scripted", "messages": [{"role": "user", "content": "Hi"}], **FAST}
        reply = await ann.post("/v1/chat/completions", asked)
        started = await ann.start()
        [(_, first)] = await told(stream, 1)

    assert reply.status == 200
    assert first == ids(started)


@pytest.mark.parametrize("by_header", [True, False])
async def test_a_cursor_gives_exactly_what_was_missed_at_every_position(
    ann: Client, by_header: bool
) -> None:
    async with ann.open(EVENTS) as stream:
        cursors = [await begun(stream)]
        await ann.finish("one")
        await ann.finish("two")
        whole = [await event(stream) for _ in range(6)]
    cursors += [frame.cursor for frame in whole]
    for position, cursor in enumerate(cursors[:-1]):
        query = "" if by_header else f"?after={cursor}"
        header = {"Last_Event_ID": cursor} if by_header else {}
        async with ann.open(EVENTS + query, **header) as stream:
            missed = [await event(stream) for _ in whole[position:]]

        assert missed == whole[position:]


async def test_after_what_was_missed_all_goes_on_live(ann: Client) -> None:
    async with ann.open(EVENTS) as stream:
        cursor = await begun(stream)
    await ann.finish("one")
    async with ann.open(f"{EVENTS}?after={cursor}") as stream:
        missed = [(await event(stream)).name for _ in range(3)]
        await ann.start("two")
        live = [(await event(stream)).name for _ in range(3)]

    assert missed == live == ["started", "ended", "renamed"]


@pytest.mark.parametrize("cursor", ["x", "a:1:1", "0-0", "%00", "9" * 500])
async def test_a_cursor_that_nobody_gave_is_told_that_something_may_be_missing(
    ann: Client, cursor: str
) -> None:
    await ann.finish()
    async with ann.open(f"{EVENTS}?after={cursor}") as stream:
        await begun(stream)


async def test_a_cursor_of_a_former_process_is_told_that_something_may_be_missing(
    ann: Client,
) -> None:
    async with open_client() as former, former.open(EVENTS) as stream:
        await begun(stream)
        await former.start()
        cursor = (await event(stream)).cursor
    async with ann.open(f"{EVENTS}?after={cursor}") as stream:
        await begun(stream)


async def test_silence_is_filled_and_keeps_the_cursor_fresh(
    ann: Client, bob: Client, autojump_clock: MockClock
) -> None:
    async with ann.open(EVENTS) as stream:
        cursor = await begun(stream)
        began = trio.current_time()
        assert (await stream.next()).name == ":"
        assert trio.current_time() - began == 15
        await bob.finish()
        written = await stream.connection.receive()
    comment, fresh, _ = written.decode().split("\n\n")

    assert comment == ": hb"
    assert fresh.startswith("id: ")
    assert fresh != f"id: {cursor}"
    async with ann.open(f"{EVENTS}?after={fresh.removeprefix('id: ')}") as stream:
        assert (await stream.next()).name == ":"  # nothing was missed


async def test_only_so_many_streams_of_one_user_are_open(bob: Client) -> None:
    async with open_client(limits=Limits(max_event_streams_per_user=1)) as ann:
        async with ann.open(EVENTS) as stream:
            await begun(stream)
            refused = await ann.get(EVENTS)
            async with Client(ann.app, bob.headers).open(EVENTS) as other:
                await begun(other)
        async with ann.open(EVENTS) as stream:
            await begun(stream)

    assert (refused.status, refused.body["error"]) == (429, "Too many event streams")
    assert "1 event streams" in refused.body["message"]


async def test_a_head_request_leaves_nobody_behind(ann: Client) -> None:
    reply = await ann.ask("HEAD", EVENTS)

    assert (reply.status, reply.text) == (200, "")
    assert ann.app.runtime is not None
    assert ann.app.runtime.supervisor.notices.board.readers("ann") == 0


async def test_a_reader_who_left_is_forgotten(ann: Client) -> None:
    assert ann.app.runtime is not None
    board = ann.app.runtime.supervisor.notices.board
    async with ann.open(EVENTS) as stream:
        await begun(stream)
        assert board.readers("ann") == 1
    await wait_all_tasks_blocked()

    assert board.readers("ann") == 0


async def test_a_session_that_was_logged_out_hears_nothing_more(
    nobody: Client, autojump_clock: MockClock
) -> None:
    page = Client(nobody.app, {"Cookie": f"legato_session={session(nobody)}"})
    same = Client(nobody.app, {"Cookie": f"legato_session={session(nobody)}"})
    assert nobody.app.runtime is not None
    board = nobody.app.runtime.supervisor.notices.board
    async with page.open(EVENTS) as stream, same.open(EVENTS) as other:
        await begun(stream)
        await begun(other)
        await page.ask("POST", "/logout", headers={"Origin": "http://localhost"})
        await trio.sleep(20)

        assert board.readers("ann") == 1


def session(client: Client) -> str:
    return client.app.authenticator.session("ann")
