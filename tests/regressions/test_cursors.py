"""Cursors that do not hold here: an answer that repairs or an error that says so, never a guess."""

from urllib.parse import quote

import pytest
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.job import FIRST_EPOCH
from legato.actors.ref import JobRef
from legato.actors.stream.log import PACK_EVERY
from legato.events import Cursor
from legato.models.contract import TextChunk
from tests.actors.test_job import follow
from tests.http.streams.test_resume import GARBAGE
from tests.support.actors import House, open_house
from tests.support.http.client import STILL, Client
from tests.support.reading import following, frames


async def answered(house: House, *words: str) -> JobRef:
    """A generation that has ended."""
    job = house.start()
    for word in words:
        house.model.say(word)
    house.model.finish()
    await follow(job)
    return job


async def speaking(house: House, *words: str) -> JobRef:
    """A generation that has said this, and goes on."""
    job = house.start()
    await job.opened()
    house.model.play(*map(TextChunk, words))
    await wait_all_tasks_blocked()
    return job


async def check_repaired(house: House, job: JobRef, cursor: Cursor) -> None:
    """Who comes with this cursor has at once what was said, then the rest, and no more."""
    async with following(job, cursor) as [reader]:
        await wait_all_tasks_blocked()
        assert reader.client.syncs == 1, "it was not told that its cursor does not hold"
        assert reader.client.content == [{"type": "text", "text": "new "}]
        house.model.say("answer")
        house.model.finish()
    whole = await frames(job)

    assert reader.client.content == [{"type": "text", "text": "new answer"}]
    assert reader.client.seqs == list(range(3, len(whole) + 1))
    assert reader.client.frames[0]["resumeState"]["generationId"] == job.job_id


@pytest.mark.parametrize("seq", [0, 1, 3, 4, 999])
async def test_cursor_from_old_generation(autojump_clock: MockClock, seq: int) -> None:
    """Elsewhere numbers began anew: a second tab skipped the new answer's beginning, unsaid."""
    async with open_house() as house:
        old = await answered(house, "old ", "words ")
        new = await speaking(house, "new ")
        await check_repaired(house, new, Cursor(old.job_id, FIRST_EPOCH, seq))


@pytest.mark.parametrize("seq", [0, 1, 3, 999])
async def test_cursor_from_old_generation_of_a_former_owner(
    autojump_clock: MockClock, seq: int
) -> None:
    """Elsewhere a log that was lost and made again took the cursors of the lost one."""
    async with open_house() as house:
        job = await speaking(house, "new ")
        await check_repaired(house, job, Cursor(job.job_id, FIRST_EPOCH + 1, seq))


async def test_cursor_from_old_generation_still_reads_that_one(
    ann: Client, mock_clock: MockClock
) -> None:
    """Elsewhere the new generation took the old one's place, and its readers its text."""
    old = await ann.start()
    whole = await ann.read(old["streamId"])
    ids = {"conversationId": old["conversationId"], "model_parameters": STILL}
    new = await ann.start(**ids)
    async with ann.follow(new["streamId"], Last_Event_ID=whole[1].cursor) as stream:
        sync = await stream.next()

    assert await ann.read(old["generationId"], Last_Event_ID=whole[1].cursor) == whole[2:]
    assert sync.data["resumeState"]["generationId"] == new["generationId"]


@pytest.mark.parametrize("beyond", [1, 2, 1000, 10**14])
async def test_cursor_beyond_tail(autojump_clock: MockClock, beyond: int) -> None:
    """Elsewhere such a reader waited in silence until the log had come so far."""
    async with open_house() as house:
        job = await speaking(house, "new ")
        await check_repaired(house, job, Cursor(job.job_id, FIRST_EPOCH, 3 + beyond))


@pytest.mark.parametrize("beyond", [1, 1000])
async def test_cursor_beyond_tail_after_the_end(ann: Client, beyond: int) -> None:
    """Elsewhere such a reader waited for ever: nothing comes behind an ending."""
    started = await ann.start()
    whole = await ann.read(started["streamId"])
    cursor = f"{started['generationId']}:1:{whole[-1].seq + beyond}"
    sync, final = await ann.read(started["streamId"], Last_Event_ID=cursor)

    assert sync.data["sync"] is True
    assert final == whole[-1]


async def test_cursor_trimmed(autojump_clock: MockClock) -> None:
    """Elsewhere a reader whose position was trimmed away went on behind the hole.

    Here nothing is: a log's older events are packed, and every one of them can be had again.
    """
    words = [f"{number} " for number in range(PACK_EVERY + 20)]
    async with open_house() as house:
        job = await speaking(house, *words)
        tail = house.job(job).feed.snapshot().seq
        starts = [Cursor(job.job_id, FIRST_EPOCH, seq) for seq in (*range(0, tail, 97), tail)]
        async with following(job, "beginning", *starts) as (first, *readers):
            await wait_all_tasks_blocked()
            house.model.say("end")
            house.model.finish()
        late = await frames(job)

    assert first.client.content == [{"type": "text", "text": "".join(words) + "end"}]
    assert len(late) == tail + 2
    for reader, cursor in zip(readers, starts, strict=True):
        assert not reader.client.syncs
        assert reader.client.seqs == [seq for seq in first.client.seqs if seq > cursor.seq]
        assert reader.client.frames == first.client.frames[cursor.seq :]


OTHERS_IDS = ["17", "0", "-1", "1718000000000-0", "*", "$", "null", "latest", "now", "a:1:2:3"]
HEADERS = [each for each in (*OTHERS_IDS, *GARBAGE) if each.isascii()]


@pytest.mark.parametrize("way", ["after", "Last-Event-ID"])
async def test_cursor_garbage(ann: Client, mock_clock: MockClock, way: str) -> None:
    """Elsewhere an id that nobody could read meant "from the beginning", or everything, or 500."""
    started = await ann.start(model_parameters=STILL)
    path = f"/api/agents/chat/stream/{started['streamId']}"
    for garbage in HEADERS:
        if way == "after":
            refused = await ann.get(f"{path}?after={quote(garbage)}")
        else:
            refused = await ann.ask("GET", path, headers={way: garbage})

        assert (refused.status, refused.body["param"]) == (400, way), garbage
        assert "job_id:epoch:seq" in refused.body["message"]
    async with ann.follow(started["streamId"]) as stream:
        assert (await stream.until("w0 "))[0].seq == 1
