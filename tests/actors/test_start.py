"""Starting a turn as the routes do: a start without a chance disturbs nothing running."""

from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.admission import NotStarted, RequestReused
from legato.actors.conversation.plan import InvalidTurn
from legato.actors.conversation.turn import Turn
from legato.actors.local_jobs import LocalJobs
from legato.actors.mailbox import ActorStopped
from legato.actors.messages import Standing
from legato.actors.start import StartReply, start_turn
from legato.content import NO_PARENT
from legato.events import Failed
from legato.storage.contracts.errors import ForeignConversation
from tests.actors.test_job import ending_of
from tests.support.actors import C1, FlakyRecords, House, crash, open_house


async def start(house: House, on_busy: Any = "interrupt", **fields: Any) -> StartReply:
    turn: Turn = house.turn(**fields)
    return await start_turn(turn, on_busy, jobs=LocalJobs(house.supervisor), records=house.records)


async def test_a_start_says_where_it_went(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        reply = await start(house)
        job = house.supervisor.whereis(C1)

        assert job is not None
        assert reply == StartReply(
            stream_id=C1,
            conversation_id=C1,
            status="started",
            generation_id=job.job_id,
            user_message_id="question-1",
            response_message_id="answer-1",
            dropped_messages=0,
        )


async def test_a_repetition_resumes_and_then_finished_earlier(autojump_clock: MockClock) -> None:
    async with open_house(retention=60) as house:
        first = await start(house, request_id="r")
        again = await start(house, request_id="r")
        job = house.supervisor.whereis(C1)
        assert job is not None
        house.model.finish()
        await ending_of(job)
        after = await start(house, request_id="r")
        await trio.sleep(61)
        late = await start(house, request_id="r")

        assert again.status == after.status == "resumed"
        assert again.generation_id == after.generation_id == first.generation_id
        assert late == StartReply(
            stream_id=C1, conversation_id=C1, status="settled", user_message_id="question-1"
        )
        assert len(house.model.requests) == 1


async def test_a_start_that_may_only_join_is_refused_where_there_is_nothing_to_join(
    autojump_clock: MockClock,
) -> None:
    refusal = InvalidTurn("agent_id", "gone")

    async def join(house: House, request_id: str) -> StartReply:
        return await start_turn(
            house.turn(request_id=request_id),
            "interrupt",
            jobs=LocalJobs(house.supervisor),
            records=house.records,
            refusal=refusal,
        )

    async with open_house() as house:
        first = await start(house, request_id="r")
        again = await join(house, "r")
        with pytest.raises(InvalidTurn, match="gone"):
            await join(house, "other")

        assert (again.status, again.generation_id) == ("resumed", first.generation_id)
        assert len([*house.supervisor.registry]) == 1


async def test_a_name_that_comes_again_with_another_request_is_refused(
    autojump_clock: MockClock,
) -> None:
    async with open_house(retention=60) as house:
        await start(house, request_id="r", request_digest="one")
        with pytest.raises(RequestReused):
            await start(house, request_id="r", request_digest="another")
        job = house.supervisor.whereis(C1)
        assert job is not None
        house.model.finish()
        await ending_of(job)
        await trio.sleep(61)
        with pytest.raises(RequestReused):
            await start(house, request_id="r", text="something else")
        again = await start(house, request_id="r", regenerate="question-1")

        assert again.status == "settled"
        assert len(house.model.requests) == 1


async def test_a_question_may_begin_a_conversation_anew(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        for _ in range(2):
            await start(house, parent_id=NO_PARENT)
            job = house.supervisor.whereis(C1)
            assert job is not None
            house.model.finish()
            await ending_of(job)

        assert [len(request.messages) for request in house.model.requests] == [1, 1]


async def test_two_at_the_same_moment_are_one_generation(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        replies = []

        async def one() -> None:
            replies.append(await start(house, request_id="r"))

        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(one)

        assert len({reply.generation_id for reply in replies}) == 1
        assert sorted(reply.status for reply in replies) == ["resumed"] * 4 + ["started"]


async def test_a_queued_start_returns_at_once(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await start(house)

        assert (await start(house, "enqueue", parent_id="answer-1")).status == "queued"


async def test_a_start_that_cannot_be_disturbs_nothing(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await start(house)
        job = house.supervisor.whereis(C1)
        assert job is not None
        with pytest.raises(InvalidTurn):
            await start(house, parent_id="nowhere")
        with pytest.raises(ForeignConversation):
            await start(house, user="bob")

        assert (await job.status()).standing is Standing.RUNNING


async def test_a_start_that_cannot_be_stored_says_so(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        house.records.down = True
        with pytest.raises(NotStarted, match="the disk is full") as caught:
            await start(house)

        assert caught.value.reason == "storage_unavailable"


async def test_a_text_that_no_storage_takes_is_told_apart_from_a_storage_that_is_away(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        with pytest.raises(NotStarted, match="lone surrogate") as caught:
            await start(house, text="\ud83c")

        assert caught.value.reason == "unstorable_text"
        assert house.model.requests == []


async def test_a_conversation_that_became_anothers_is_refused(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await start(house, user="bob")
        await house.supervisor.close_conversation(C1)
        await wait_all_tasks_blocked()
        job = house.start(user="ann")
        failed = await job.opened()

        assert isinstance(failed, Failed)
        assert failed.reason == "foreign_conversation"


async def test_a_start_that_is_stopped_while_its_question_is_stored_has_started(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        house.records.hold()
        async with trio.open_nursery() as nursery:

            async def stop() -> None:
                await wait_all_tasks_blocked()
                job = house.supervisor.whereis(C1)
                assert job is not None
                nursery.start_soon(job.stop)
                await wait_all_tasks_blocked()
                house.records.release()

            nursery.start_soon(stop)
            reply = await start(house)

        assert (reply.status, reply.dropped_messages) == ("started", 0)
        assert house.model.requests == []


async def test_a_job_that_is_gone_before_it_opened_was_not_started(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        house.records.hold()
        async with trio.open_nursery() as nursery:

            async def ruin() -> None:
                await wait_all_tasks_blocked()
                job = house.supervisor.whereis(C1)
                assert job is not None
                await crash(job)
                house.records.release()

            nursery.start_soon(ruin)
            with pytest.raises(NotStarted) as caught:
                await start(house)

        assert caught.value.reason == "internal_error"


async def test_a_start_that_the_end_of_the_server_overtakes_was_not_started(
    autojump_clock: MockClock,
) -> None:
    async def start_in_vain() -> None:
        with pytest.raises(NotStarted, match="gone before it began"):
            await start(house)

    async def stop_in_vain() -> None:
        [job] = house.supervisor.registry
        with pytest.raises(ActorStopped):
            await job.ref.stop()

    async def release() -> None:
        await trio.sleep(5)
        house.records.release()

    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as server:
            async with open_house(frees=False) as house:
                house.records.hold()
                nursery.start_soon(start_in_vain)
                await wait_all_tasks_blocked()
                nursery.start_soon(stop_in_vain)
                nursery.start_soon(release)
                await wait_all_tasks_blocked()
                server.cancel()
                await trio.sleep_forever()


async def test_a_turn_whose_place_is_gone_fails_by_name(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        failed = await house.start(regenerate="deleted meanwhile").opened()

        assert isinstance(failed, Failed)
        assert failed.reason == "invalid_turn"


async def test_a_request_that_was_taken_elsewhere_fails_by_name(
    autojump_clock: MockClock,
) -> None:
    async with open_house(retention=1) as house:
        first = house.start(request_id="r")
        await first.opened()
        await first.stop()
        await trio.sleep(2)
        failed = await house.start(request_id="r").opened()

        assert isinstance(failed, Failed)
        assert failed.reason == "request_taken"


async def test_old_turns_give_way_and_the_reply_counts_them(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        house.model.max_context_tokens = 8
        replies = []
        for _ in range(3):
            replies.append(await start(house, text="one two", instructions="be brief"))
            job = house.supervisor.whereis(C1)
            assert job is not None
            house.model.say("three four")
            house.model.finish()
            await ending_of(job)

        assert [reply.dropped_messages for reply in replies] == [0, 0, 2]
        assert [message.content for message in house.model.requests[-1].messages] == [
            "be brief",
            "one two",
            "three four",
            "one two",
        ]


async def test_a_revision_is_checked_with_the_question_of_its_answer(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        await start(house)
        house.model.say("well")
        house.model.finish()
        [job] = house.supervisor.registry
        await job.ref.ended()
        house.model.finish()
        reply = await start(house, revise="answer-1")
        assert reply.status == "started"
        assert reply.user_message_id == "question-1"


class Forgetful(FlakyRecords):
    """Records that find no turn for any request."""

    async def turn_of_request(self, user: str, request_id: str) -> None:
        return None


async def test_a_request_that_was_taken_and_is_not_found_is_refused(
    autojump_clock: MockClock,
) -> None:
    records = Forgetful()
    async with open_house(records=records, retention=1) as house:
        house.model.finish()
        await start(house, request_id="r")
        await trio.sleep(2)
        with pytest.raises(NotStarted, match="another turn"):
            await start(house, request_id="r")
