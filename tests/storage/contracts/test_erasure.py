"""The promises of every implementation of Erasure."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from psycopg import connect
from ulid import ULID

from legato.agents.state import AgentState
from legato.events import AnyEvent, Created, Queued, TextDelta
from legato.requests import ApiRequest, TurnRequest
from legato.storage.contracts.agents import PUBLIC, Avatar, Grant, Principal
from legato.storage.contracts.bans import Ban
from legato.storage.contracts.erasure import Erased, Erasure, total
from legato.storage.contracts.errors import DecidedBefore
from legato.storage.contracts.journal import Entries
from legato.storage.open import Storage, open_storage
from tests.storage.contracts.test_keys import key
from tests.storage.contracts.test_responses import response
from tests.support.storage.sql import execute
from tests.support.storage.turns import START, SteppedClock, answer, conversation, question

DAY = timedelta(days=1)


@pytest.fixture
async def storage(database_url: str, clock: SteppedClock) -> AsyncIterator[Storage]:
    async with open_storage(database_url, clock=clock) as opened:
        yield opened


@asynccontextmanager
async def server(sql_url: str) -> AsyncIterator[Storage]:
    """A second process on the same database, as far as the journal can tell."""
    async with open_storage(sql_url) as opened:
        yield opened


async def put_conversation(storage: Storage, name: str, user: str = "ann") -> None:
    """With two messages and a request's id."""
    asked = question(f"q {name}", name)
    await storage.records.open_turn(conversation(name, user), asked, request_id=f"r {name}")
    await storage.records.close_turn(answer(f"a {name}", name), job_id=f"job {name}")


def response_id(age: timedelta) -> str:
    return f"resp_{str(ULID.from_datetime(START - age))[:10]:0<26}"


async def put_response(
    storage: Storage, age: timedelta, user: str = "ann", conversation_id: str | None = None
) -> str:
    """Store a response of this age, in a conversation of its own unless one is named."""
    made = response_id(age)
    await storage.records.responses.open(
        response(made, user, conversation_id=conversation_id or made)
    )
    return made


async def append(storage: Storage, job_id: str, *events: AnyEvent) -> None:
    assert storage.journal is not None
    assert not await storage.journal.append([Entries(job_id, 1, 1, events)])


async def kept(storage: Storage, job_id: str) -> int:
    """The number of events that the journal has of this job."""
    assert storage.journal is not None
    return sum(len(each.events) for each in (await storage.journal.read(job_id)).entries)


async def erase(erasure: Erasure, user: str = "ann", most: int = 100) -> Sequence[Erased]:
    steps = []
    while any(step := await erasure.erase(user, most=most)):
        steps.append(step)
    return steps


def began(conversation_id: str, asked: ApiRequest | None = None) -> Created:
    return Created(question("q", conversation_id), "a", "model", api_request=asked)


async def test_all_of_a_user_is_erased_and_counted(storage: Storage) -> None:
    records = storage.records
    for name in ("c1", "c2"):
        await put_conversation(storage, name)
    await put_response(storage, DAY)
    await records.api_keys.add(key(1))
    for kind in ("logins", "concurrent"):
        await records.bans.blame(["user:ann"], kind, 1, lifetime=DAY)
    await storage.records.responses.decide("ann", "r1", ["mcpr_1"])
    steps = await erase(storage.erasure)
    await storage.records.responses.decide("ann", "r2", ["mcpr_1"])  # the decision is gone

    assert total(steps) == Erased(2, 4, 1, 1, 2, 0)
    assert (await records.conversations("ann", limit=9)).conversations == ()
    assert await records.messages("c1") == []
    assert await records.turn_of_request("ann", "r c1") is None
    assert await records.answer("job c1") is None
    assert await records.responses.find("ann", response_id(DAY)) is None
    assert await records.api_keys.of_user("ann") == []
    assert await records.bans.blame(["user:ann"], "logins", 1, lifetime=DAY) == [1]


async def test_a_users_agents_and_shares_of_others_are_erased(storage: Storage) -> None:
    agents = storage.records.agents
    state = AgentState(name="Ada", model="m")
    await agents.add("agent_1", "ann", state)
    for number in range(4):
        await agents.change("agent_1", {"name": str(number)}, "ann")
    await agents.set_avatar("agent_1", Avatar("image/png", b"x", "d"))
    await agents.add("agent_2", "bob", state)
    await agents.share("agent_2", [Grant(Principal("user", "ann"), 3), Grant(PUBLIC, 1)])
    steps = await erase(storage.erasure, most=2)

    assert total(steps) == Erased(agents=1, agent_versions=5, grants=1)
    assert [each.agent.id for each in await agents.find(["agent_1", "agent_2"], [])] == ["agent_2"]
    assert await agents.avatar("agent_1") is None
    assert [each.principal.name for each in await agents.grants("agent_2")] == ["", "bob"]


async def test_nothing_of_others_is_erased(storage: Storage) -> None:
    records = storage.records
    await put_conversation(storage, "c1", "bob")
    await put_response(storage, DAY, "bob")
    await records.api_keys.add(key(1, "bob"))
    await records.bans.blame(["user:bob"], "logins", 1, lifetime=DAY)

    assert await erase(storage.erasure) == []
    assert len(await records.messages("c1")) == 2
    assert await records.responses.find("bob", response_id(DAY))
    assert await records.api_keys.of_user("bob") == [key(1, "bob")]
    assert await records.bans.blame(["user:bob"], "logins", 1, lifetime=DAY) == [2]


async def test_a_ban_stays_so_that_who_is_erased_stays_out(storage: Storage) -> None:
    ban = Ban(subject="user:ann", kind="manual", until=START + DAY)
    await storage.records.bans.ban([ban])
    await erase(storage.erasure)

    assert [*await storage.records.bans.in_force(limit=9)] == [ban]


async def test_a_step_is_bounded(storage: Storage) -> None:
    for number in range(5):
        await put_conversation(storage, f"c{number}")
        await put_response(storage, number * DAY)
    steps = await erase(storage.erasure, most=2)

    assert [(step.conversations, step.responses) for step in steps] == [(2, 2), (2, 2), (1, 1)]


async def test_a_users_ended_generations_leave_the_journal(sql_url: str) -> None:
    prompted = ApiRequest(api="chat_completions", user="ann", model="m")
    turn = TurnRequest(
        job_id="queued", conversation_id="c9", message_id="m", response_id="r", user="ann",
        model="m",
    )  # fmt: skip
    async with open_storage(sql_url) as storage:
        await put_conversation(storage, "c1")
        await put_conversation(storage, "c2", "bob")
        async with server(sql_url) as gone:
            await append(gone, "chat", began("c1"), TextDelta(0, "x"))
            await append(gone, "api", began("elsewhere", prompted))
            await append(gone, "queued", Queued(turn))
            await append(gone, "bob's", began("c2"))
        steps = await erase(storage.erasure)
        found = [await kept(storage, job) for job in ("chat", "api", "queued", "bob's")]

    assert total(steps).generations == 3
    assert found == [0, 0, 0, 1]


async def test_what_a_living_process_runs_is_counted_and_left(sql_url: str) -> None:
    async with open_storage(sql_url) as storage, server(sql_url) as living:
        await put_conversation(storage, "c1")
        await append(living, "running", began("c1"))
        await append(living, "ended", began("c1"))
        assert living.journal is not None
        await living.journal.mark_done(["ended"])
        running = [await storage.erasure.running(user) for user in ("ann", "bob")]
        steps = await erase(storage.erasure)
        found = [await kept(storage, job) for job in ("running", "ended")]

    assert running == [1, 0]
    assert total(steps).generations == 1
    assert found == [1, 0]


async def test_who_comes_back_cannot_tell_an_erased_generation_again(sql_url: str) -> None:
    async with open_storage(sql_url) as former:
        await put_conversation(former, "c1")
        await append(former, "j", began("c1"))
        execute(sql_url, "UPDATE jobs SET owner = 'ffffffffffffffff', epoch = 2, settled = true")
        await erase(former.erasure)
        assert former.journal is not None
        refused = await former.journal.append([Entries("j", 1, 1, (began("c1"),))])

        assert [refusal.reason for refusal in refused] == ["fenced"]
        assert await kept(former, "j") == 0


async def test_a_generation_that_cannot_be_read_is_nobodys(sql_url: str) -> None:
    async with open_storage(sql_url) as storage:
        await put_conversation(storage, "c1")
        await append(storage, "j", began("c1"))
        execute(sql_url, "UPDATE entries SET version = 7")

        assert await storage.erasure.running("ann") == 0


async def test_what_was_not_touched_for_long_expires(storage: Storage, clock: SteppedClock) -> None:
    await put_conversation(storage, "old")
    old = await put_response(storage, DAY)
    clock.now = START + DAY
    await put_conversation(storage, "new", "bob")
    new = await put_response(storage, timedelta(0))
    requests = [each.replace("resp_", "mcpr_") + "_1" for each in (old, new)]
    await storage.records.responses.decide("ann", "r1", requests)
    first = await storage.erasure.expire(START + timedelta(microseconds=1), most=100)
    second = await storage.erasure.expire(START + timedelta(microseconds=1), most=100)

    assert (first, second) == (Erased(1, 2, 1), Erased())
    assert await storage.records.conversation("old") is None
    assert await storage.records.conversation("new")
    assert await storage.records.responses.find("ann", old) is None
    assert await storage.records.responses.find("ann", new)
    await storage.records.responses.decide("ann", "r2", requests[:1])
    with pytest.raises(DecidedBefore):
        await storage.records.responses.decide("ann", "r2", requests[1:])


async def test_a_turn_touches_its_conversation(storage: Storage, clock: SteppedClock) -> None:
    await put_conversation(storage, "c1")
    clock.now = START + DAY
    await storage.records.open_turn(conversation("c1"), question("q2", "c1"))

    assert not any(await storage.erasure.expire(START + DAY, most=100))
    assert len(await storage.records.messages("c1")) == 3


async def test_a_response_is_as_old_as_the_newest_of_its_conversation(storage: Storage) -> None:
    oldest = await put_response(storage, 9 * DAY, conversation_id="conv")
    await put_response(storage, 8 * DAY, conversation_id="conv")
    newest = await put_response(storage, DAY, conversation_id="conv")
    foreign = await put_response(storage, 7 * DAY, "bob", conversation_id="conv")

    assert await storage.erasure.expire(START - 2 * DAY, most=100) == Erased(responses=1)
    assert await storage.records.responses.find("ann", oldest)
    assert await storage.records.responses.find("ann", newest)
    assert await storage.records.responses.find("bob", foreign) is None


async def test_expiry_goes_by_bounded_steps(storage: Storage) -> None:
    for number in range(3):
        await put_conversation(storage, f"c{number}")
    steps = [await storage.erasure.expire(START + DAY, most=2) for _ in range(3)]

    assert [step.conversations for step in steps] == [2, 1, 0]


async def test_a_step_that_another_process_is_at_is_left_to_it(postgresql_url: str) -> None:
    async with open_storage(postgresql_url) as storage:
        await put_conversation(storage, "c1")
        with connect(postgresql_url) as other:
            other.execute("SELECT pg_advisory_xact_lock(%s)", (0x1E6A71,))
            busy = await storage.erasure.expire(START + 10_000 * DAY, most=100)
        free = await storage.erasure.expire(START + 10_000 * DAY, most=100)

    assert (busy, free.conversations) == (Erased(), 1)


def test_steps_add_up() -> None:
    assert total([]) == Erased()
    assert total([Erased(1, 2, 3, 4, 5, 6), Erased(1, 1, 1, 1, 1, 1)]) == Erased(2, 3, 4, 5, 6, 7)
