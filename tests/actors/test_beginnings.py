"""Between a job's place in the journal and its question in the storage: after a death, a pause or a
refusal there, no question is stored without an answer, and no request is lost.
"""

from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import trio
from msgspec.structs import replace
from trio.testing import MockClock

from legato.actors.admission import NotStarted
from legato.actors.conversation.turn import Prompt
from legato.actors.messages import Standing
from legato.actors.start import StartReply, start_turn
from legato.content import Conversation, Message
from legato.events import Created, Failed, Stopped
from legato.models.contract import ChatMessage
from legato.requests import ApiRequest
from tests.support.actors import C1
from tests.support.replicas import LEASE, Replicas, Seat, open_replicas

ASKED = ApiRequest(api="responses", user="ann", model="played", store=True)
PROMPT = Prompt(api_request=ASKED, messages=(ChatMessage("user", "hello"),), items=({"id": "i"},))


@pytest.fixture
async def replicas(autojump_clock: MockClock) -> AsyncIterator[Replicas]:
    async with open_replicas() as replicas:
        yield replicas


async def ask(replicas: Replicas, seat: Seat, request_id: str = "r1") -> StartReply:
    turn = replicas.turn(request_id=request_id)
    return await start_turn(turn, "interrupt", jobs=seat.jobs, records=replicas.records)


async def begun(replicas: Replicas) -> str:
    """The job in the journal now."""
    while not any(each.entries for each in replicas.world.stored_logs.values()):  # noqa: ASYNC110
        await trio.sleep(0.1)
    [job_id] = replicas.world.stored_logs
    return job_id


async def died_before_storing(nursery: trio.Nursery, replicas: Replicas) -> str:
    """The job of the first replica, which is no more."""
    here = replicas.seats[0]
    replicas.records.hold()
    nursery.start_soon(here.serve, lambda: ask(replicas, here))
    job_id = await begun(replicas)
    here.kill()
    replicas.records.down = True  # to refuse the last write of a thread
    replicas.records.release()
    await trio.sleep(0.1)
    replicas.records.down = False
    return job_id


async def said(replicas: Replicas) -> list[bool]:
    """For each stored message, whether the message is the user's."""
    return [each.is_created_by_user for each in await replicas.records.messages(C1)]


async def events(replicas: Replicas, job_id: str) -> list[type]:
    kept = await replicas.seats[-1].replication.journal.read(job_id)
    return [type(event) for entries in kept.entries for event in entries.events]


async def test_who_lost_the_job_before_it_was_noted_stores_no_question(
    autojump_clock: MockClock, nursery: trio.Nursery, replicas: Replicas
) -> None:
    here, there = replicas.seats
    replicas.records.unread = trio.Event()  # held up before planning
    asking = trio.CancelScope()
    nursery.start_soon(abandoned, asking, replicas, here)
    await trio.sleep(1)
    here.replication.away = True
    await trio.sleep(5 * LEASE)
    replicas.records.unread.set()
    here.replication.away = False
    await trio.sleep(5 * LEASE)
    asking.cancel()

    assert await said(replicas) == []
    there.model.say("well")
    there.model.finish()
    assert (await ask(replicas, there)).status == "started"
    await trio.sleep(1)
    assert await said(replicas) == [True, False]


async def abandoned(asking: trio.CancelScope, replicas: Replicas, seat: Seat) -> None:
    """Ask, until cancelled or told that nothing was started."""
    with asking, suppress(NotStarted):
        await ask(replicas, seat)


async def test_who_lost_the_job_before_it_stored_the_question_has_an_heir_who_stored_it(
    autojump_clock: MockClock, nursery: trio.Nursery, replicas: Replicas
) -> None:
    here, there = replicas.seats
    replicas.records.hold()
    asking = trio.CancelScope()
    nursery.start_soon(abandoned, asking, replicas, here)
    await trio.sleep(1)
    here.replication.away = True
    await trio.sleep(5 * LEASE)
    replicas.records.release()
    await trio.sleep(1)
    here.replication.away = False
    await trio.sleep(5 * LEASE)
    asking.cancel()

    assert await said(replicas) == [True, False]
    assert (await ask(replicas, there)).status == "resumed"


async def test_an_heir_stores_the_question_that_its_owner_did_not(
    autojump_clock: MockClock, nursery: trio.Nursery, replicas: Replicas
) -> None:
    job_id = await died_before_storing(nursery, replicas)
    there = replicas.seats[1]
    await trio.sleep(5 * LEASE)

    status = await (await there.find(job_id)).status()
    assert status.standing is Standing.ERROR
    assert await said(replicas) == [True, False]
    assert await replicas.records.turn_of_request("ann", "r1") is not None


async def test_an_heir_that_may_not_store_it_says_so_and_frees_the_request(
    autojump_clock: MockClock, nursery: trio.Nursery, replicas: Replicas
) -> None:
    job_id = await died_before_storing(nursery, replicas)
    there = replicas.seats[1]
    foreign = Conversation(conversation_id=C1, user="bob")
    await replicas.records.open_turn(foreign, Message(message_id="b", conversation_id=C1, text=""))
    await trio.sleep(5 * LEASE)

    job = await there.find(job_id)
    assert (await job.status()).standing is Standing.ERROR
    assert await events(replicas, job_id) == [Created, Failed]
    assert await said(replicas) == [True], "bob's"
    assert not await there.jobs.knows(replicas.turn(request_id="r1"))


async def test_what_the_storage_refused_ends_without_a_question_wherever_it_is_read(
    autojump_clock: MockClock, replicas: Replicas
) -> None:
    here, there = replicas.seats
    replicas.records.down = True
    with pytest.raises(NotStarted, match="could not be stored"):
        await ask(replicas, here)
    job_id = await begun(replicas)
    replicas.records.down = False
    here.kill()
    await trio.sleep(5 * LEASE)

    ending = (await (await there.find(job_id)).status()).ending
    assert isinstance(ending, Failed)
    assert ending.reason == "storage_unavailable"
    assert await events(replicas, job_id) == [Created, Failed]
    assert await said(replicas) == []
    there.model.finish()
    assert (await ask(replicas, there)).status == "started"


async def test_a_note_that_came_through_unheard_is_no_other_beginning(
    autojump_clock: MockClock, replicas: Replicas
) -> None:
    here, _ = replicas.seats
    lies = [1]

    def lie() -> None:
        here.replication.lies = lies.pop() if lies else 0

    here.replication.on_write = lie
    assert (await ask(replicas, here)).status == "started"
    job_id = await begun(replicas)
    await trio.sleep(LEASE)

    assert await events(replicas, job_id) == [Created]
    assert await said(replicas) == [True]


async def test_a_stop_before_the_question_is_stored_is_an_ending_after_the_beginning(
    autojump_clock: MockClock, nursery: trio.Nursery, replicas: Replicas
) -> None:
    here, there = replicas.seats
    replicas.records.hold()
    nursery.start_soon(here.serve, lambda: ask(replicas, here))
    job_id = await begun(replicas)
    replicas.records.down = True
    nursery.start_soon((await there.find(job_id)).stop)
    await trio.sleep(1)
    replicas.records.release()
    await trio.sleep(1)

    assert await events(replicas, job_id) == [Created, Stopped]
    assert (await (await there.find(job_id)).status()).standing is Standing.ABORTED


@pytest.mark.parametrize("store", [True, False])
async def test_what_an_api_asked_has_an_ending_too(
    autojump_clock: MockClock, nursery: trio.Nursery, replicas: Replicas, store: bool
) -> None:
    here, there = replicas.seats
    here.replication.pause = 1.0  # of each call: first of the entry, then of the note
    prompt = replace(PROMPT, api_request=replace(ASKED, store=store))

    async def asked() -> None:
        await here.start(prompt=prompt, response_id="resp_1", conversation_id="resp_1")

    nursery.start_soon(here.serve, asked)
    job_id = await begun(replicas)
    here.kill()
    await trio.sleep(5 * LEASE)

    assert (await (await there.find(job_id)).status()).standing is Standing.ERROR
    stored = await replicas.records.responses.find("ann", "resp_1")
    assert (stored is not None) is store
    assert stored is None or isinstance(stored.ending, Failed)
