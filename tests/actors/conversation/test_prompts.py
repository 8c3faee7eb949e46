"""Jobs for an API: the caller's own history, and nothing of a conversation."""

from contextvars import ContextVar
from typing import Any

import pytest
import trio
from msgspec.structs import replace
from structlog.contextvars import bound_contextvars, get_contextvars
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.conversation.stores import turn_store
from legato.actors.conversation.turn import Prompt
from legato.actors.mailbox import ActorStopped
from legato.actors.ref import JobRef
from legato.actors.stream.places import OutOfReach
from legato.actors.subscription import Subscription
from legato.content import Message, TextPart
from legato.events import Created, Cursor, Failed, Finished, StepStarted, Stopped, TextDelta
from legato.models.contract import ChatMessage, ModelRequest
from legato.requests import ApiRequest
from legato.storage.contracts.journal import Entries
from legato.storage.contracts.responses import StoredResponse
from legato.storage.memory.journal import JournalStore, MemoryJournal
from tests.support.actors import C1, FlakyRecords, House, PlayedModel, open_house
from tests.support.replicas import open_replicas

ASKED = ApiRequest(api="chat_completions", user="ann", model="played")
MESSAGES = (
    ChatMessage("system", "Be brief."),
    ChatMessage("user", [{"type": "text", "text": "two "}, {"type": "text", "text": "words"}]),
    ChatMessage("assistant", None, {"tool_calls": []}),
)
PROMPT = Prompt(api_request=ASKED, messages=MESSAGES)


def start(house: House, **fields: Any) -> JobRef:
    return house.start(prompt=PROMPT, response_id="chatcmpl-1", **fields)


async def test_the_model_reads_what_the_caller_gave_and_nothing_is_a_message(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        job = start(house, parameters={"temperature": 0})
        house.model.say("well")
        house.model.finish("length")
        ending = await job.ended()
        [asked] = house.model.requests
        assert asked.messages == MESSAGES
        assert asked.parameters == {"temperature": 0}
        assert isinstance(ending, Finished)
        assert ending.reason == "length"
        assert ending.response is not None
        assert ending.response.content == (TextPart("well"),)
        assert ending.at is not None
        assert (ending.usage.prompt_tokens, ending.usage.completion_tokens) == (4, 1)
        assert await house.records.messages(C1) == []
        assert await house.records.conversation(C1) is None
        created = await job.opened()
        assert isinstance(created, Created)
        assert created.api_request == ASKED


async def test_a_prompt_without_a_message_is_a_question_without_a_text(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        job = house.start(prompt=Prompt(api_request=ASKED, messages=()))
        house.model.finish()
        ending = await job.ended()
        assert ending.request is not None
        assert ending.request.text == ""


async def test_who_waits_for_an_answer_hears_of_its_first_word(autojump_clock: MockClock) -> None:
    async with open_house() as house, trio.open_nursery() as nursery:
        job, heard = start(house), []

        async def wait() -> None:
            heard.append(await job.answering())

        nursery.start_soon(wait)
        await trio.sleep(1)
        assert heard == []
        house.model.say("well")
        await trio.sleep(1)
        assert heard == [None]
        assert await job.answering() is None


async def test_who_waits_for_an_answer_hears_of_an_ending_without_one(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        job = start(house)
        house.model.fail()
        ending = await job.answering()
        assert isinstance(ending, Failed)
        assert ending == await job.ended() == (await job.status()).ending


async def test_who_waits_for_what_leaves_is_told(autojump_clock: MockClock) -> None:
    async with open_house() as house, trio.open_nursery() as nursery:
        job = start(house)
        await job.opened()

        async def wait() -> None:
            with pytest.raises(ActorStopped):
                await job.ended()

        nursery.start_soon(wait)
        await trio.sleep(1)
        house.job(job).ownership.lose()


async def test_frames_are_found_by_their_number(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        job = start(house)
        house.model.say("one ")
        await job.answering()
        located = await job.locate("numbers", 0)
        assert located.frames == b"data: 1 0\n\n"
        assert located.cursor == Cursor(job.job_id, 1, 1)
        with pytest.raises(OutOfReach) as refused:
            await job.locate("numbers", 3)
        assert refused.value.last == 2
        house.model.finish()
        await job.ended()
        subscription = Subscription(job, "numbers", located.cursor)
        assert (await subscription.receive()).data == b"data: 2 4\n\ndata: 3 4\n\ndata: done\n\n"


async def test_a_cursor_that_does_not_hold_is_refused_where_there_is_no_snapshot(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        job = start(house)
        house.model.say("one ")
        await job.answering()
        cursor = Cursor(job.job_id, 1, 1)
        assert (await job.locate("numbers", cursor)).cursor == cursor
        stale = Cursor(job.job_id, 1, 99)
        with pytest.raises(OutOfReach):
            await job.locate("numbers", stale)
        with pytest.raises(OutOfReach):
            await Subscription(job, "numbers", stale).receive()
        house.model.say("two")
        house.model.finish()
        assert isinstance(await job.ended(), Finished)


async def test_no_title_is_made(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        job = start(house)
        house.model.say("well")
        house.model.finish()
        await job.ended()
        await house.jobs.titled("ann", C1)
        assert len(house.model.requests) == 1


async def test_all_of_it_from_another_replica(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        job = await here.start(prompt=PROMPT)
        here.model.say("one ")
        await job.answering()
        remote = await there.find(job.job_id)
        assert await remote.answering() is None
        assert (await remote.locate("numbers", 0)).frames == b"data: 1 0\n\n"
        stale = Cursor(job.job_id, 1, 99)
        with pytest.raises(OutOfReach) as refused:
            await remote.locate("numbers", 7)
        assert refused.value.last == 2
        with pytest.raises(OutOfReach):
            await remote.locate("numbers", stale)
        for _ in range(2):  # the second finds a mirror already
            with pytest.raises(OutOfReach):
                await Subscription(remote, "numbers", stale).receive()
        await job.stop()
        assert isinstance(await remote.ended(), Stopped)


async def test_what_a_dead_replica_was_asked_is_ended_and_never_goes_on(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas(on_owner_lost="continue") as replicas:
        here, there = replicas.seats
        job = await here.start(prompt=PROMPT)
        here.model.say("one ")
        remote = await there.find(job.job_id)
        await job.answering()
        await trio.sleep(1)
        here.kill()
        with trio.fail_after(60):
            ending = await remote.ended()
        assert isinstance(ending, Failed)
        assert ending.reason == "server_restart"
        assert ending.at is not None
        assert there.model.requests == []


STORED = Prompt(
    api_request=ApiRequest(api="responses", user="ann", model="played", store=True),
    messages=MESSAGES,
    items=({"id": "msg_1", "type": "message"},),
    previous_id="resp_0",
)


async def test_what_is_to_be_stored_is_there_from_before_it_begins(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        job = house.start(prompt=STORED, response_id="resp_1")
        created = await job.opened()
        stored = await house.records.responses.find("ann", "resp_1")
        assert stored is not None
        assert (stored.created, stored.items, stored.previous_id) == (
            created,
            STORED.items,
            "resp_0",
        )
        assert stored.ending is None
        house.model.say("well")
        house.model.finish()
        ending = await job.ended()
        stored = await house.records.responses.find("ann", "resp_1")
        assert stored is not None
        assert stored.ending == ending


async def test_what_is_stopped_before_it_began_says_when(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        house.start(response_id="resp_1", conversation_id="resp_1")
        waiting = start(house, conversation_id="resp_1", on_busy="enqueue")
        assert (await waiting.stop()).ending.at is not None


async def test_what_is_not_to_be_stored_is_not(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        job = start(house)
        await job.stop()
        assert await house.records.responses.find("ann", "chatcmpl-1") is None


async def test_a_killed_process_leaves_no_stored_response_without_an_ending(
    autojump_clock: MockClock,
) -> None:
    journal_store, records = JournalStore(), FlakyRecords()
    journal = MemoryJournal(journal_store)
    created = Created(
        Message(message_id="q", conversation_id="resp_1"),
        "resp_1",
        "played",
        api_request=STORED.api_request,
    )
    await records.responses.open(
        StoredResponse(response_id="resp_1", user="ann", conversation_id="resp_1", created=created)
    )
    said = (created, StepStarted(0, "text"), TextDelta(0, "so far"))
    await journal.append([Entries("01M846XJQTHKRR16F0RWQP0001", 1, 1, said)])
    journal.close()
    async with open_house(records=records, journal=MemoryJournal(journal_store)) as house:
        job = house.supervisor.whereis("01M846XJQTHKRR16F0RWQP0001")
        assert job is not None
        assert job.user == "ann"
        ending = await job.ended()
        assert isinstance(ending, Failed)
        assert ending.at is not None
        stored = await records.responses.find("ann", "resp_1")
        assert stored is not None
        assert stored.ending == ending


async def test_a_prompt_that_is_still_known_is_asked_again_with_what_was_said() -> None:
    model, records = PlayedModel(), FlakyRecords()
    async with open_house() as house:
        turn = house.turn(prompt=PROMPT)
    store = turn_store(PROMPT.api_request, records)
    opening = await store.plan(turn, model)
    reopened = await store.reopen(turn, model, opening.created, (TextPart("so far"),))
    assert reopened.created == opening.created
    assert reopened.request.messages == MESSAGES  # the run reads the log, and adds what was said
    assert reopened.prompt_tokens > opening.prompt_tokens


async def test_an_ended_job_keeps_nothing_of_what_only_the_model_read(
    autojump_clock: MockClock,
) -> None:
    echo = {"tools": ["x" * 100]}
    asked = replace(ASKED, echo=echo)
    async with open_house() as house:
        prompt = Prompt(
            api_request=asked, messages=(ChatMessage("user", "y" * 100),), items=({"id": 1},)
        )
        ref = house.start(prompt=prompt, response_id="chatcmpl-1", parameters={"tools": 1})
        house.model.say("well")
        house.model.finish()
        await ref.ended()
        await wait_all_tasks_blocked()
        job = house.supervisor.registry.find(ref.job_id)

        assert job is not None
        assert job.opening is not None
        assert job.opening.created.api_request == asked  # this is said again
        assert job.opening.request == ModelRequest(())
        assert job.turn.prompt == Prompt(api_request=ASKED, messages=())
        assert job.turn.parameters == {}
        assert all(
            "y" * 100 not in str(found) for found in (vars(job._recorder), vars(job._producer))
        )


async def test_a_job_keeps_nothing_of_who_started_it_but_what_its_log_lines_say(
    autojump_clock: MockClock,
) -> None:
    theirs = ContextVar[str]("theirs")
    async with open_house() as house:
        with bound_contextvars(request="r1"):
            theirs.set("a request with all its body")
            ref = start(house)
        await wait_all_tasks_blocked()
        job = house.supervisor.registry.find(ref.job_id)
        assert job is not None
        contexts = [task.context for task in job._children.child_tasks]

    assert contexts
    assert not any(theirs in context for context in contexts)
    assert all(context.run(get_contextvars) == {"request": "r1"} for context in contexts)
