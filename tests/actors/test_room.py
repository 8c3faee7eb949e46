"""A start without room in the user's quota: refused before anything, or after a late finding."""

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from legato.actors.admission import NotStarted
from legato.actors.local_jobs import LocalJobs
from legato.actors.messages import Standing
from legato.actors.start import StartReply, start_turn
from legato.content import Conversation, Message
from legato.events import Failed
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.quotas import OverQuota, Quota, StorageUse
from tests.support.actors import C1, FlakyJournal, FlakyRecords, House, open_house

C2 = "22222222-2222-4222-8222-222222222222"


class LateRecords(FlakyRecords):
    """Room is seen to be short by what stores the question, and not before."""

    async def check_room(self, user: str, more: StorageUse) -> None:
        await trio.lowlevel.checkpoint()


class UnheardRecords(LateRecords):
    """The first commit is done, and its answer is lost; meanwhile other turns took the room."""

    is_heard = False

    async def open_turn(
        self, conversation: Conversation, message: Message, **given: Any
    ) -> Conversation:
        opened = await super().open_turn(conversation, message, **given)
        if self.is_heard:
            return opened
        self.is_heard = True
        answer = Message(message_id="late", conversation_id=C1, text="x" * 10_000)
        await self.close_turn(answer, job_id="elsewhere")
        raise StorageError("server closed the connection unexpectedly")


class LostRecords(LateRecords):
    """The first write fails, and meanwhile other turns take the room."""

    async def open_turn(
        self, conversation: Conversation, message: Message, **given: Any
    ) -> Conversation:
        if await self.conversation(C2) is None:
            other = Conversation(conversation_id=C2, user=conversation.user)
            await super().open_turn(other, Message(message_id="other", conversation_id=C2))
            raise StorageError("server closed the connection unexpectedly")
        return await super().open_turn(conversation, message, **given)


async def start(house: House, on_busy: Any = "interrupt", **fields: Any) -> StartReply:
    turn = house.turn(**fields)
    return await start_turn(turn, on_busy, jobs=LocalJobs(house.supervisor), records=house.records)


async def test_it_is_refused_before_anything_running_is_disturbed(
    autojump_clock: MockClock,
) -> None:
    journal = FlakyJournal()
    records = FlakyRecords(quota=Quota(size=1100))
    async with open_house(records=records, journal=journal) as house:
        await start(house)
        [job] = house.supervisor.registry
        for fields in ({}, {"conversation_id": C2}):
            with pytest.raises(OverQuota):
                await start(house, **fields)

        assert (await job.ref.status()).standing is Standing.RUNNING
        assert house.supervisor.statistics().started == 1
        house.model.finish()


async def test_what_stores_the_question_has_the_last_word(autojump_clock: MockClock) -> None:
    async with open_house(records=LateRecords(quota=Quota(conversations=0))) as house:
        with pytest.raises(NotStarted, match="You have 0 conversations; 0 are allowed") as caught:
            await start(house)

        assert caught.value.reason == "storage_quota"
        assert house.model.requests == []
        assert await house.records.storage_use("ann") == StorageUse()


async def test_a_question_that_took_the_last_room_unheard_is_answered(
    autojump_clock: MockClock,
) -> None:
    async with open_house(records=UnheardRecords(quota=Quota(size=1100))) as house:
        house.model.finish()
        reply = await start(house)
        [job] = house.supervisor.registry
        await job.ref.ended()

        assert reply.status == "started"
        assert len(house.model.requests) == 1


async def test_a_question_that_was_lost_and_has_no_room_any_more_is_refused(
    autojump_clock: MockClock,
) -> None:
    async with open_house(records=LostRecords(quota=Quota(conversations=1))) as house:
        with pytest.raises(NotStarted, match="You have 1 conversations; 1 are allowed"):
            await start(house)

        assert await house.records.conversation(C1) is None


async def test_a_queued_turn_for_which_there_is_no_room_any_more_ends_with_the_reason(
    autojump_clock: MockClock,
) -> None:
    records = FlakyRecords(quota=Quota(size=3000))
    async with open_house(records=records, journal=FlakyJournal()) as house:
        await start(house)
        queued = await start(house, "enqueue", parent_id="answer-1")
        assert queued.status == "queued"
        house.model.say("x" * 2000)
        house.model.finish()
        job = house.supervisor.registry.find(str(queued.generation_id))
        assert job is not None
        ending = await job.ref.ended()

        assert isinstance(ending, Failed)
        assert ending.reason == "storage_quota"
        assert len(await records.messages(C1)) == 2


async def test_another_answer_to_a_question_that_is_there_needs_room_too(
    autojump_clock: MockClock,
) -> None:
    async with open_house(records=LateRecords(quota=Quota(size=1100))) as house:
        await start(house)
        house.model.say("x" * 2000)
        house.model.finish()
        [job] = house.supervisor.registry
        await job.ref.ended()
        with pytest.raises(NotStarted, match="max_stored_bytes_per_user"):
            await start(house, regenerate="question-1", message_id="question-1")

        assert len(house.model.requests) == 1
