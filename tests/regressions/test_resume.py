"""Coming back: nothing twice, nothing missing, and no gap at the start or after the end."""

from collections.abc import Sequence

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import to_builtins
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.job import FIRST_EPOCH
from legato.config import Limits
from legato.events import Cursor
from legato.models.contract import ReasoningChunk, TextChunk
from tests.actors.test_promise import Reader
from tests.support.actors import open_house
from tests.support.http.client import STILL, Client
from tests.support.http.runtime import AttentiveModel, open_client
from tests.support.reading import checkpoints, following, frames, releasing

STREAM = "/api/agents/chat/stream/"
STATUS = "/api/agents/chat/status/"
RECONNECTS = ("", "?resume=true")


@settings(max_examples=60, deadline=None)
@given(
    before=st.lists(st.integers(1, 3), max_size=4),
    during=st.lists(st.integers(0, 5), max_size=6),
    random=st.random_module(),
)
def test_resume_dup_free(before: list[int], during: list[int], random: object) -> None:
    """Elsewhere a resume lost or repeated what shared a millisecond, or came while it attached."""
    trio.run(resume_everywhere, before, during, clock=MockClock(autojump_threshold=0))


async def resume_everywhere(before: Sequence[int], during: Sequence[int]) -> None:
    """Attach at every position while the model goes on; the clock stands still meanwhile."""
    resumed: dict[int, list[bytes]] = {}
    synced = []
    async with open_house() as house:
        job = house.start()
        for count in before:
            house.model.play(ReasoningChunk("hm "), *[TextChunk("a ")] * count)
        await job.opened()
        await wait_all_tasks_blocked()
        begun = trio.current_time()

        async def resume(seq: int) -> None:
            await checkpoints(seq % 4)
            resumed[seq] = await frames(job, Cursor(job.job_id, FIRST_EPOCH, seq))

        async def resume_synced(turns: int) -> None:
            await checkpoints(turns)
            reader = Reader(job, "snapshot")
            synced.append(reader.client)
            await reader.run()

        tail = house.job(job).feed.snapshot().seq
        async with trio.open_nursery() as nursery:
            for seq in range(tail + 1):
                nursery.start_soon(resume, seq)
                nursery.start_soon(resume_synced, seq)
            for turns in during:
                await checkpoints(turns)
                house.model.say("b ")
            assert trio.current_time() == begun
            house.model.finish()
        whole = await frames(job)
        content = list(to_builtins(house.job(job).feed.snapshot().content))

    assert resumed == {seq: whole[seq:] for seq in range(tail + 1)}
    for client in synced:
        assert client.content == content
        assert client.seqs == list(range(client.seqs[0], len(whole) + 1))


async def test_resume_dup_free_through_many_drops(autojump_clock: MockClock) -> None:
    """Elsewhere every reconnect repeated the frame at the seam, or skipped the one behind it."""
    async with open_house() as house:
        job = house.start()
        async with following(job, "beginning", "snapshot") as readers:
            for number in range(20):
                house.model.say(f"{number} ")
                await checkpoints(number % 5)
                for reader in readers:
                    reader.connection.cancel()
            house.model.finish()
        whole = await frames(job)

        for reader in readers:
            first = reader.client.seqs[0]
            assert reader.client.seqs == list(range(first, len(whole) + 1))
            assert reader.client.content == [
                {"type": "text", "text": "".join(f"{number} " for number in range(20))}
            ]


@pytest.mark.parametrize("query", RECONNECTS)
@pytest.mark.parametrize("name", ["streamId", "generationId"])
async def test_start_gap(ann: Client, mock_clock: MockClock, query: str, name: str) -> None:
    """Elsewhere a reader that came between the start and the first word was told of nothing."""
    started = await ann.start(model_parameters={"delay": 10, "tokens": 2, "rate": 0})
    status = (await ann.get(STATUS + started[name])).body
    async with ann.follow(started[name], query) as stream:
        seen = [await stream.next()]
        assert stream.status == 200
        await wait_all_tasks_blocked()
        mock_clock.jump(11)
        seen += await stream.rest()
    whole = await ann.read(started["streamId"])

    assert (status["active"], status["status"]) == (True, "running")
    assert seen[1:] == whole[1:]
    assert seen[0].seq == 1


async def test_start_gap_of_a_queued_one(ann: Client, mock_clock: MockClock) -> None:
    """Elsewhere a reader of what waited for its turn got an empty answer and went away."""
    first = await ann.start(model_parameters=STILL)
    fields = {"conversationId": first["conversationId"], "on_busy": "enqueue"}
    queued = await ann.start(**fields, model_parameters={"tokens": 2, "rate": 0})
    assert (await ann.get(STATUS + queued["generationId"])).body["status"] == "running"
    async with (
        ann.follow(queued["generationId"]) as plain,
        ann.follow(queued["generationId"], "?resume=true") as synced,
    ):
        sync = await synced.next()
        await wait_all_tasks_blocked()  # until then nobody sleeps yet whom it could wake
        mock_clock.jump(16)
        assert (await plain.next()).name == (await synced.next()).name == ":", "it waits"
        await ann.post("/api/agents/chat/abort", {"generationId": first["generationId"]})
        seen, after = await plain.rest(), await synced.rest()
    whole = await ann.read(queued["generationId"])

    assert sync.seq == 1, "the turn is kept while it waits"
    assert sync.data["resumeState"]["aggregatedContent"] == []
    assert seen == after == whole
    assert whole[0].data["created"] is True


async def test_start_gap_while_the_question_is_stored(autojump_clock: MockClock) -> None:
    """Elsewhere the stream began where the reader came in, and the first events were lost."""
    async with open_house() as house:
        house.records.hold()
        job = house.start()
        house.model.say("hello")
        house.model.finish()
        async with following(job, "beginning", "snapshot") as (plain, synced):
            with releasing(house):
                await wait_all_tasks_blocked()
                assert plain.client.frames == []

        assert plain.client.seqs == [1, 2, 3, 4]
        assert synced.client.seqs == [0, 1, 2, 3, 4]
        assert plain.client.content == synced.client.content == [{"type": "text", "text": "hello"}]


async def test_start_gap_at_the_end(ann: Client, mock_clock: MockClock) -> None:
    """Elsewhere who came just after the end got nothing: no text, no ending."""
    started = await ann.start(model_parameters={"tokens": 3, "rate": 1})
    async with ann.follow(started["streamId"]) as stream:
        await wait_all_tasks_blocked()
        mock_clock.jump(5)
        live = await stream.rest()

    for name in ("streamId", "generationId"):
        assert await ann.read(started[name]) == live


@pytest.mark.parametrize("known", [True, False])
async def test_expired_then_resume(autojump_clock: MockClock, known: bool) -> None:
    """Elsewhere to resume what had expired started the generation again, or waited for ever."""
    attentive = AttentiveModel()
    limits = Limits(retention=60)
    async with open_client(attentive, limits=limits, default_model="attentive") as ann:
        started = await ann.start(clientRequestId="r")
        whole = await ann.read(started["streamId"])
        await trio.sleep(61)
        name = started["generationId" if known else "streamId"]
        for query in (*RECONNECTS, f"?after={whole[1].cursor}", f"?after={whole[-1].cursor}"):
            gone = await ann.get(f"{STREAM}{name}{query}")

            assert (gone.status, gone.body["error"]) == (404, "Stream not found")
            assert "expired" in gone.body["message"]
        assert (await ann.get(STATUS + name)).body == {"active": False}
        again = await ann.start(clientRequestId="r")
        messages = await ann.messages(started["conversationId"])

    assert (again["status"], again["streamId"]) == ("settled", started["streamId"])
    assert len(attentive.asked) == 1
    assert len(messages) == 2


async def test_retry_post_same_key_joins(mock_clock: MockClock) -> None:
    """Elsewhere a request that was sent again was answered, and paid for, twice."""
    attentive = AttentiveModel()
    slow = {"tokens": 3, "rate": 1}
    replies = []
    async with open_client(attentive, default_model="attentive") as ann:

        async def post() -> None:
            replies.append(await ann.start(clientRequestId="r", model_parameters=slow))

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(post)
        await post()
        async with (
            ann.follow(replies[0]["streamId"]) as one,
            ann.follow(replies[-1]["streamId"]) as other,
        ):
            assert await one.until("w0 ") == await other.until("w0 ")
            mock_clock.jump(5)
            assert await one.rest() == await other.rest()
        await post()
        messages = await ann.messages(replies[0]["conversationId"])

    assert len({reply["generationId"] for reply in replies}) == 1
    assert sorted(reply["status"] for reply in replies) == ["resumed"] * 4 + ["started"]
    assert len(attentive.asked) == 1
    assert [message["text"] for message in messages] == ["Hi", ""]
