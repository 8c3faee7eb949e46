"""Every kind of ending ends every kind of reader, and takes nothing away from what was said."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.ref import JobRef
from legato.config import Limits
from legato.events import Cursor, Ending, Failed, Finished, Stopped
from tests.http.test_abort import ABORT
from tests.support.actors import House, open_house
from tests.support.http.client import Client
from tests.support.http.runtime import open_client
from tests.support.reading import following, frames

End = Callable[[House, JobRef], Awaitable[object]]


async def completed(house: House, job: JobRef) -> None:
    house.model.finish()


async def incomplete(house: House, job: JobRef) -> None:
    house.model.finish("length")


async def too_long(house: House, job: JobRef) -> None:
    house.model.say("x" * 1000)


async def failed(house: House, job: JobRef) -> None:
    house.model.fail()


async def fell_silent(house: House, job: JobRef) -> None:
    await trio.sleep(120)


async def crashed(house: House, job: JobRef) -> None:
    house.model.fail(RuntimeError("a bug"))


async def cancelled(house: House, job: JobRef) -> None:
    await job.stop()


async def unsaved(house: House, job: JobRef) -> None:
    house.records.down = True
    house.model.finish()


KINDS: Mapping[End, type[Ending]] = {
    completed: Finished,
    incomplete: Finished,
    too_long: Finished,
    failed: Failed,
    fell_silent: Failed,
    crashed: Failed,
    cancelled: Stopped,
    unsaved: Finished,
}


@pytest.mark.parametrize("end", KINDS)
async def test_terminal_kinds(autojump_clock: MockClock, end: End) -> None:
    """Elsewhere only the success ended a reader, and a failure erased the text before it."""
    async with open_house(max_answer_bytes=500) as house:
        job = house.start()
        await job.opened()
        house.model.say("half")
        await wait_all_tasks_blocked()
        async with following(job, "beginning", "snapshot") as live:
            await wait_all_tasks_blocked()
            await end(house, job)
        whole = await frames(job)
        cursors = [Cursor(job.job_id, 1, seq) for seq in range(len(whole) + 1)]
        async with following(job, "beginning", "snapshot", *cursors) as late:
            pass
        ending = (await job.stop()).ending

    assert type(ending) is KINDS[end]
    assert ending.unsaved is (end is unsaved)
    terminals = {reader.client.terminal for reader in (*live, *late[:-1])}
    assert terminals == {whole[-1].removesuffix(b"\n\n")}
    assert late[-1].client.frames == [], "who has had the ending has missed nothing"
    assert all(reader.ended for reader in late)
    for reader in (*live, *late[:2]):
        assert reader.client.content[0]["text"].startswith("half")
    told = live[0].client.frames[-1]["responseMessage"]["content"]
    assert told[: len(live[0].client.content)] == live[0].client.content


async def test_terminal_kinds_before_the_beginning(autojump_clock: MockClock) -> None:
    """Elsewhere what failed before its first event left its readers waiting."""
    async with open_house() as house:
        house.records.down = True
        job = house.start()
        zero = Cursor(job.job_id, 1, 0)
        async with following(job, "beginning", zero) as early:
            pass
        async with following(job, "beginning", "snapshot", zero) as late:
            pass

    assert {reader.client.terminal for reader in (*early, *late)} == {early[0].client.terminal}
    assert all("disk is full" in reader.client.frames[-1]["error"] for reader in (*early, *late))


SCRIPTS: Mapping[str, Mapping[str, Any]] = {
    "completed": {"tokens": 3, "rate": 0},
    "incomplete": {"tokens": 300, "rate": 0},
    "failed": {"tokens": 3, "fail_after": 2, "rate": 0},
    "cancelled": {"tokens": 3, "rate": 0.001},
}


@pytest.mark.parametrize("kind", SCRIPTS)
async def test_terminal_kinds_end_the_body(mock_clock: MockClock, kind: str) -> None:
    """Elsewhere the replay of what had failed or was cancelled never came to its end."""
    async with open_client(limits=Limits(max_answer_bytes=500)) as ann:
        started = await ann.start(model_parameters=SCRIPTS[kind])
        async with ann.follow(started["streamId"]) as stream:
            live = await stream.until("w0 ")
            if kind == "cancelled":
                await ann.post(ABORT, {"streamId": started["streamId"]})
            live += await stream.rest()

        await check_replays(ann, started["streamId"])
        assert live == await ann.read(started["streamId"])
        answer = (await ann.messages(started["conversationId"]))[1]
        assert live[-1].data["responseMessage"].items() <= answer.items()
        assert answer["content"][0]["text"].startswith("w0 ")


async def check_replays(ann: Client, stream_id: str) -> None:
    """All come to the same end: a body that does not would wait for ever."""
    whole = await ann.read(stream_id)
    for query in ("?resume=true", *[f"?after={frame.cursor}" for frame in whole[:-1]]):
        assert (await ann.read(stream_id, query))[-1] == whole[-1]
    path = f"/api/agents/chat/stream/{stream_id}?after={whole[-1].cursor}"
    assert (await ann.get(path)).status == 204  # EventSource comes back after any clean end
