"""Jobs without a process: their recovery, for every state of the journal."""

from collections.abc import Sequence

import pytest
import trio
from msgspec.structs import replace
from trio.testing import MockClock

from legato.actors.conversation.turn import Turn
from legato.actors.durability.recovered import Recovered
from legato.actors.durability.recovery import HAND_OVERS, TRIES, Recovery
from legato.actors.durability.takeover import TakeoverPolicy
from legato.actors.stream.memory_sizes import JOB_BYTES
from legato.actors.stream.sinks import ChannelSink
from legato.content import Conversation, ErrorPart, Message, TextPart, Usage, text_of
from legato.events import (
    AnyEvent,
    Created,
    Cursor,
    Failed,
    Finished,
    Queued,
    Snapshot,
    StepStarted,
    Stopped,
    TextDelta,
)
from legato.requests import ApiRequest
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.journal import Entries, Kept, OrphanedJob
from legato.storage.contracts.responses import StoredResponse
from legato.storage.memory.journal import JournalStore, MemoryJournal, StoredLog
from legato.storage.memory.records import MemoryRecords
from tests.support.actors import C1, FlakyRecords, SimulatedClient, open_house

ASKED = ApiRequest(api="responses", user="ann", model="m", store=True)
JOB = "01M846XJQTHKRR16F0RWQP0001"
QUESTION = Message(message_id="q", conversation_id=C1, text="hello")
CREATED = Created(QUESTION, "a", "model")
STEP = StepStarted(0, "text")
ANSWER = Message(
    message_id="a",
    conversation_id=C1,
    parent_message_id="q",
    is_created_by_user=False,
    content=(TextPart("all of it"),),
)


@pytest.fixture
def journal_store() -> JournalStore:
    return JournalStore()


@pytest.fixture
async def records() -> MemoryRecords:
    records = FlakyRecords()
    await records.open_turn(Conversation(conversation_id=C1, user="ann", model="m"), QUESTION)
    return records


async def died(
    journal_store: JournalStore, *batches: Sequence[AnyEvent], job_id: str = JOB
) -> None:
    """A process wrote these, a write after the other, and was killed."""
    journal, position = MemoryJournal(journal_store), 0
    for events in batches:
        await journal.append([Entries(job_id, 1, position + 1, tuple(events))])
        position += len(events)
    journal.close()


async def recovered(journal_store: JournalStore, records: MemoryRecords) -> Recovered | None:
    """Recover the job in a next process, which is killed afterwards."""
    journal = MemoryJournal(journal_store)
    found = [each for each in await Recovery(journal, records).all() if isinstance(each, Recovered)]
    await journal.mark_done([job.turn.job_id for job in found if job.has_ended])
    journal.close()
    assert len(found) <= 1
    return found[0] if found else None


async def stored(records: MemoryRecords) -> Message | None:
    return {message.message_id: message for message in await records.messages(C1)}.get("a")


async def test_an_unfinished_answer_is_stored_as_that_and_ended(
    journal_store: JournalStore, records: MemoryRecords
) -> None:
    await died(journal_store, [CREATED], [STEP, TextDelta(0, "so ")], [TextDelta(0, "far")])
    job = await recovered(journal_store, records)
    answer = await stored(records)

    assert job is not None
    assert answer is not None
    assert answer.unfinished
    assert answer.content == (
        TextPart("so far"),
        ErrorPart("The server ended while this was being answered."),
    )
    ending = job.events[-1]
    assert isinstance(ending, Failed)
    assert (ending.reason, ending.unsaved) == ("server_restart", False)
    assert ending.response is not None
    assert text_of(ending.response) == "so far"
    assert ending.conversation == await records.conversation(C1)
    assert (job.turn.user, job.turn.conversation_id, job.turn.response_id) == ("ann", C1, "a")


async def test_who_recovers_it_again_finds_the_same_ending(
    journal_store: JournalStore, records: MemoryRecords
) -> None:
    await died(journal_store, [CREATED], [STEP, TextDelta(0, "so far")])
    first = await recovered(journal_store, records)
    second = await recovered(journal_store, records)

    assert first is not None
    assert second is not None
    assert [type(event) for event in second.events] == [type(event) for event in first.events]
    assert (first.previous_epochs, first.epoch) == ({1: 3, 2: 4}, 2)
    assert (second.previous_epochs, second.epoch) == ({1: 3, 2: 4}, 3)


async def test_what_has_ended_outlives_any_number_of_restarts(
    journal_store: JournalStore, records: MemoryRecords
) -> None:
    await died(journal_store, [CREATED], [STEP, TextDelta(0, "so far")])
    for _ in range(2 * TRIES):
        job = await recovered(journal_store, records)

        assert job is not None
        assert len(job.events) == 4


async def test_an_answer_that_was_ended_is_stored_whole(
    journal_store: JournalStore, records: MemoryRecords
) -> None:
    await died(
        journal_store,
        [CREATED],
        [STEP, TextDelta(0, "all of it"), Finished(request=QUESTION, response=ANSWER)],
    )
    job = await recovered(journal_store, records)

    assert job is not None
    assert isinstance(job.events[-1], Finished)
    assert len(job.events) == 4
    assert text_of(await stored(records) or QUESTION) == "all of it"


@pytest.mark.parametrize("asked", [None, ASKED])
async def test_a_beginning_whose_question_was_not_stored_is_none(
    journal_store: JournalStore, asked: ApiRequest | None
) -> None:
    await died(journal_store, [replace(CREATED, api_request=asked)])
    assert await recovered(journal_store, MemoryRecords()) is None


@pytest.mark.parametrize("asked", [None, replace(ASKED, store=False)])
async def test_a_beginning_whose_question_was_stored_or_need_not_be_fails(
    journal_store: JournalStore, records: MemoryRecords, asked: ApiRequest | None
) -> None:
    await died(journal_store, [replace(CREATED, api_request=asked)])
    job = await recovered(journal_store, records)

    assert job is not None
    assert isinstance(job.events[-1], Failed)
    assert (await stored(records) is None) is (asked is not None)


class Continuing(TakeoverPolicy):
    def continues(self, turn: Turn, snapshot: Snapshot) -> bool:
        return True


@pytest.mark.parametrize("successor", [TakeoverPolicy(), Continuing()])
async def test_an_answer_that_was_stored_is_the_ending_that_the_journal_lost(
    journal_store: JournalStore, records: MemoryRecords, successor: TakeoverPolicy
) -> None:
    whole = replace(ANSWER, finish_reason="length", usage=Usage(3, 2))
    await records.close_turn(whole, job_id=JOB)
    await died(journal_store, [CREATED], [STEP, TextDelta(0, "all ")])
    journal = MemoryJournal(journal_store)
    [job] = await Recovery(journal, records, successor).all()
    [*_, last] = (await journal.read(JOB)).entries

    said = Finished(
        reason="length",
        request=QUESTION,
        response=whole,
        conversation=await records.conversation(C1),
        usage=Usage(3, 2),
    )
    assert isinstance(job, Recovered)
    assert job.events == [CREATED, STEP, TextDelta(0, "all "), said]
    assert last == Entries(JOB, 2, 4, (said,))
    found = await stored(records)
    assert found is not None
    assert (found.content, found.unfinished) == (whole.content, False)


async def test_a_stored_response_is_the_ending_that_the_journal_lost(
    journal_store: JournalStore, records: MemoryRecords
) -> None:
    said = Finished(reason="stop", request=QUESTION, response=ANSWER, at=1)
    created = replace(CREATED, api_request=ASKED)
    kept = StoredResponse(response_id="a", user="ann", conversation_id=C1, created=created)
    await records.responses.open(kept)
    await records.responses.close("a", said)
    await died(journal_store, [created], [STEP, TextDelta(0, "all ")])
    job = await recovered(journal_store, records)

    assert job is not None
    assert isinstance(ending := job.events[-1], Finished)
    assert (ending.response, ending.at) == (ANSWER, 1)


async def test_another_jobs_answer_in_its_place_is_not_its_own(
    journal_store: JournalStore, records: MemoryRecords
) -> None:
    await records.close_turn(ANSWER, job_id="another")
    await died(journal_store, [CREATED], [STEP, TextDelta(0, "so far")])
    job = await recovered(journal_store, records)

    assert job is not None
    assert isinstance(job.events[-1], Failed)


async def test_a_stop_that_found_nothing_stores_nothing(
    journal_store: JournalStore, records: MemoryRecords
) -> None:
    await died(journal_store, [CREATED, Stopped(request=QUESTION)])
    job = await recovered(journal_store, records)

    assert job is not None
    assert isinstance(job.events[-1], Stopped)
    assert await stored(records) is None


async def test_what_is_marked_done_is_not_stored_again(
    journal_store: JournalStore, records: MemoryRecords
) -> None:
    await died(journal_store, [CREATED], [Finished(request=QUESTION, response=ANSWER)])
    journal_store.stored_logs[JOB].marked_done = True
    job = await recovered(journal_store, records)

    assert job is not None
    assert isinstance(job.events[-1], Finished)
    assert await stored(records) is None, "it may have been edited since"


@pytest.mark.parametrize("batches", [[], [[STEP]], [[TextDelta(0, "x")]]])
async def test_what_has_no_beginning_is_forgotten(
    batches: list[list[AnyEvent]], journal_store: JournalStore, records: MemoryRecords
) -> None:
    await died(journal_store, *batches)
    journal_store.stored_logs[JOB] = StoredLog(closed(journal_store).me)

    assert await recovered(journal_store, records) is None
    assert not journal_store.stored_logs


def closed(journal_store: JournalStore) -> MemoryJournal:
    journal = MemoryJournal(journal_store)
    journal.close()
    return journal


async def test_what_is_marked_done_without_a_readable_ending_is_forgotten(
    journal_store: JournalStore, records: MemoryRecords
) -> None:
    await died(journal_store, [CREATED])
    journal_store.stored_logs[JOB].marked_done = True

    assert await recovered(journal_store, records) is None
    assert not journal_store.stored_logs


async def test_a_job_whose_conversation_is_gone_is_forgotten(
    journal_store: JournalStore, records: MemoryRecords
) -> None:
    await died(journal_store, [CREATED])
    await records.delete_conversation(C1)

    assert await recovered(journal_store, records) is None
    assert not journal_store.stored_logs


class OneByOne(MemoryJournal):
    """Cannot read logs together."""

    async def read_all(self, job_ids: Sequence[str]) -> Sequence[Kept]:
        raise StorageError("the disk is slow")


async def test_logs_that_cannot_be_read_together_are_read_one_by_one(
    journal_store: JournalStore, records: MemoryRecords
) -> None:
    await died(journal_store, [CREATED], [STEP, TextDelta(0, "so far")])
    [job] = await Recovery(OneByOne(journal_store), records).all()

    assert isinstance(job, Recovered)
    assert text_of(await stored(records) or QUESTION) == "so far"


class TornJournal(MemoryJournal):
    """Holds unreadable entries of a later version behind the rest."""

    async def read(self, job_id: str) -> Kept:
        kept = await super().read(job_id)
        return Kept(kept.entries, "its entries from 4 on: Expected `object`, got `int`")


async def test_what_cannot_be_read_is_said_and_the_rest_is_kept(
    journal_store: JournalStore, records: MemoryRecords
) -> None:
    await died(journal_store, [CREATED], [STEP, TextDelta(0, "so far")])
    [job] = await Recovery(TornJournal(journal_store), records).all()

    assert isinstance(job, Recovered)
    ending = job.events[-1]
    assert isinstance(ending, Failed)
    assert "its entries from 4 on" in ending.message
    assert text_of(await stored(records) or QUESTION) == "so far"


@pytest.mark.parametrize(
    ("first", "event", "fault"),
    [
        (5, TextDelta(0, "x"), "what follows event 2 is missing"),
        (3, TextDelta(7, "x"), "no part at 7"),
    ],
)
async def test_what_does_not_fit_is_left_out(
    first: int, event: AnyEvent, fault: str, journal_store: JournalStore, records: MemoryRecords
) -> None:
    journal = MemoryJournal(journal_store)
    await journal.append([Entries(JOB, 1, 1, (CREATED, STEP))])
    journal_store.stored_logs[JOB].entries.append(Entries(JOB, 1, first, (event,)))
    journal.close()
    job = await recovered(journal_store, records)

    assert job is not None
    assert len(job.events) == 3
    assert isinstance(ending := job.events[-1], Failed)
    assert fault in ending.message


async def test_what_was_said_twice_is_there_once(
    journal_store: JournalStore, records: MemoryRecords
) -> None:
    await died(journal_store, [CREATED, STEP], [TextDelta(0, "so "), TextDelta(0, "far")])
    journal_store.stored_logs[JOB].entries.insert(
        1, Entries(JOB, 1, 2, (STEP, TextDelta(0, "so ")))
    )
    job = await recovered(journal_store, records)

    assert job is not None
    assert [*job.events[:4]] == [CREATED, STEP, TextDelta(0, "so "), TextDelta(0, "far")]


@pytest.mark.parametrize("more", [[], [[STEP, TextDelta(0, "poison")]]])
async def test_what_ended_the_process_again_and_again_is_not_read_any_more(
    journal_store: JournalStore, records: MemoryRecords, more: Sequence[Sequence[AnyEvent]]
) -> None:
    await died(journal_store, [CREATED], *more)
    journal_store.stored_logs[JOB].attempts = TRIES
    job = await recovered(journal_store, records)

    assert job is not None
    assert [type(event) for event in job.events] == [Created, Failed]
    answer = await stored(records)
    assert answer is not None
    assert answer.unfinished


async def test_an_answer_that_cannot_be_stored_is_said_to_be_unsaved(
    journal_store: JournalStore, records: FlakyRecords
) -> None:
    await died(journal_store, [CREATED], [STEP, TextDelta(0, "so far")])
    records.unstorable = True
    job = await recovered(journal_store, records)

    assert job is not None
    assert isinstance(ending := job.events[-1], Failed)
    assert ending.unsaved


async def test_only_what_nobody_owns_is_taken_over(
    journal_store: JournalStore, records: MemoryRecords
) -> None:
    alive = MemoryJournal(journal_store)
    await alive.append([Entries(JOB, 1, 1, (CREATED,))])

    assert await MemoryJournal(journal_store).take_over() == []
    alive.close()
    assert await MemoryJournal(journal_store).take_over() == [
        OrphanedJob(JOB, 2, 1, marked_done=False)
    ]


async def test_readers_come_back_to_it_with_their_cursors(
    journal_store: JournalStore, records: FlakyRecords, autojump_clock: MockClock
) -> None:
    await died(journal_store, [CREATED], [STEP, TextDelta(0, "so "), TextDelta(0, "far")])
    async with open_house(journal=MemoryJournal(journal_store), records=records) as house:
        job = house.supervisor.whereis(C1)
        assert job is not None
        assert job.job_id == JOB

        async def read(cursor: Cursor) -> SimulatedClient:
            sink, client = ChannelSink(), SimulatedClient(cursor)
            await job.subscribe("librechat", cursor, sink)
            client.feed((await sink.receive()).data)
            return client

        held = await read(Cursor(JOB, 1, 3))
        whole = await read(Cursor(JOB, 1, 4))
        lost = await read(Cursor(JOB, 1, 5))
        unknown = await read(Cursor(JOB, 9, 1))
        later = await read(Cursor(JOB, 2, 4))

    assert (held.seqs, held.syncs) == ([4, 5], 0)
    assert (whole.seqs, whole.syncs) == ([5], 0)
    assert lost.syncs == unknown.syncs == 1, "what this reader saw is not here any more"
    assert (later.seqs, later.syncs) == ([5], 0)
    assert all(each.terminal for each in (held, whole, lost, unknown, later))


async def test_a_journal_that_cannot_be_read_is_said_by_name(journal_store: JournalStore) -> None:
    journal = MemoryJournal(journal_store)
    journal.close()

    with pytest.raises(StorageError, match="closed"):  # and in no group: a server tells its host
        async with open_house(journal=journal):
            pass


async def test_more_than_may_be_kept_is_forgotten(
    journal_store: JournalStore, records: FlakyRecords, autojump_clock: MockClock
) -> None:
    ids = [JOB[:-1] + number for number in "123"]
    most = 2 * JOB_BYTES + 50_000
    for job_id in ids:
        await died(journal_store, [CREATED], [STEP, TextDelta(0, "x" * 10_000)], job_id=job_id)
    journal = MemoryJournal(journal_store)
    async with open_house(journal=journal, records=records, max_retained_bytes=most) as house:
        found = [house.supervisor.whereis(job_id) is not None for job_id in ids]
        current = house.supervisor.whereis(C1)
        await trio.sleep(1)

        assert found == [False, True, True]
        assert current is house.supervisor.whereis(ids[2])
        assert (await journal.read(ids[0])).entries == []


async def test_the_newest_is_kept_whatever_its_size(
    journal_store: JournalStore, records: FlakyRecords, autojump_clock: MockClock
) -> None:
    await died(journal_store, [CREATED], [STEP, TextDelta(0, "x" * 10_000)])
    async with open_house(
        journal=MemoryJournal(journal_store), records=records, max_retained_bytes=1
    ) as house:
        assert house.supervisor.whereis(JOB) is not None


async def test_a_question_that_nobody_heard_was_stored_is_answered_though_its_start_failed(
    journal_store: JournalStore, records: MemoryRecords
) -> None:
    refused = Failed(reason="storage_unavailable", message="Your message could not be stored.")
    await died(journal_store, [CREATED, refused])
    job = await recovered(journal_store, records)

    assert job is not None
    assert job.events[-1] == refused, "it was said so"
    answer = await stored(records)
    assert answer is not None
    assert answer.content == (ErrorPart(refused.message),)


async def test_a_queued_turn_that_ended_the_process_again_and_again_fails(
    journal_store: JournalStore, records: MemoryRecords
) -> None:
    turn = Turn(
        job_id=JOB, conversation_id=C1, message_id="q", response_id="a", user="ann", model="m"
    )
    await died(journal_store, [turn.queued()])
    journal_store.stored_logs[JOB].attempts = HAND_OVERS
    job = await recovered(journal_store, records)

    assert job is not None
    assert [type(event) for event in job.events] == [Queued, Failed]


async def test_of_what_had_ended_only_as_much_is_read_as_may_be_kept(
    journal_store: JournalStore, records: FlakyRecords
) -> None:
    ids = [JOB[:-1] + number for number in "1234"]
    for job_id in ids:
        ending = Finished(request=QUESTION, response=ANSWER)
        await died(
            journal_store, [CREATED], [STEP, TextDelta(0, "x" * 10_000), ending], job_id=job_id
        )
        journal_store.stored_logs[job_id].marked_done = True
    found = await Recovery(MemoryJournal(journal_store), records).all(most=JOB_BYTES + 15_000)

    assert [job.turn.job_id for job in found] == ids[2:]
    assert sorted(journal_store.stored_logs) == ids[2:]
