"""The promises of every implementation of Records about quotas."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest
import trio
from psycopg import connect

from legato.storage.contracts.errors import RequestTaken
from legato.storage.contracts.quotas import ROW_BYTES, OverQuota, Quota, StorageUse, response_use
from legato.storage.contracts.records import Records
from legato.storage.open import open_records
from tests.storage.contracts.test_responses import ENDING, response
from tests.support.storage.sql import downgrade, execute
from tests.support.storage.turns import SteppedClock, answer, conversation, question

NOTHING = StorageUse()
CONVERSATION = ROW_BYTES + len("New Chat")
TURN = CONVERSATION + ROW_BYTES + len("Hi?")
ANSWER = ROW_BYTES + len('[{"type":"text","text":"Hello."}]')

AMPLE = Quota(10**9, 2**40)

Bounded = Callable[..., AbstractAsyncContextManager[Records]]


@pytest.fixture
def bounded(database_url: str, clock: SteppedClock) -> Bounded:
    """Opens the records with a quota."""
    return lambda **most: open_records(database_url, clock=clock, quota=Quota(**most))


@pytest.fixture
async def records(database_url: str, clock: SteppedClock) -> AsyncIterator[Records]:
    """With more room than anybody needs."""
    async with open_records(database_url, clock=clock, quota=AMPLE) as opened:
        yield opened


async def put(records: Records, name: str, user: str = "ann", **asked: str) -> None:
    """Store a conversation of this name with a question and an answer."""
    await records.open_turn(conversation(name, user), question(f"q{name}", name, **asked))
    await records.close_turn(answer(f"a{name}", name), job_id=f"j{name}")


async def test_what_is_stored_is_counted_as_it_is_written(records: Records) -> None:
    assert await records.storage_use("ann") == NOTHING
    await records.open_turn(conversation(), question())
    assert await records.storage_use("ann") == StorageUse(1, TURN)
    await records.close_turn(answer(), job_id="j1")
    await records.close_turn(answer(text="again"), job_id="j1")
    assert await records.storage_use("ann") == StorageUse(1, TURN + ANSWER)
    await records.open_turn(conversation(), question(text="é?"))
    await records.retitle("c1", "Größe")
    assert await records.storage_use("ann") == StorageUse(1, TURN + ANSWER - 1)
    assert await records.storage_use("bob") == NOTHING


async def test_what_is_removed_counts_no_more(records: Records) -> None:
    for name in ("c1", "c2"):
        await put(records, name)
    await records.delete_conversation("c1")
    assert await records.storage_use("ann") == StorageUse(1, TURN + ANSWER)
    await records.delete_conversation("c2")
    assert await records.storage_use("ann") == NOTHING


async def test_responses_count_with_their_endings_and_as_no_conversation(records: Records) -> None:
    await records.responses.open(response("r1"))
    await records.responses.open(response("r1"))
    assert await records.storage_use("ann") == response_use(response("r1"))
    await records.responses.close("r1", ENDING)
    await records.responses.close("r1", ENDING)
    assert await records.storage_use("ann") == response_use(response("r1", ending=ENDING))
    await records.responses.delete("ann", "r1")
    assert await records.storage_use("ann") == NOTHING


async def test_a_conversation_beyond_the_quota_is_refused_and_leaves_nothing(
    bounded: Bounded,
) -> None:
    async with bounded(conversations=2) as records:
        for name in ("c1", "c2"):
            await put(records, name)
        before = await records.storage_use("ann")
        with pytest.raises(OverQuota, match=r"You have 2 conversations; 2 are allowed \(max_conv"):
            await records.open_turn(conversation("c3"), question("q3", "c3"), request_id="r")

        assert await records.conversation("c3") is None
        assert await records.messages("c3") == []
        assert await records.turn_of_request("ann", "r") is None
        assert await records.storage_use("ann") == before
        await put(records, "c4", "bob")


async def test_whoever_has_too_many_conversations_goes_on_in_them(sql_url: str) -> None:
    async with open_records(sql_url) as records:
        for name in ("c1", "c2", "c3"):
            await put(records, name)
    async with open_records(sql_url, quota=Quota(conversations=1)) as records:
        await records.open_turn(conversation("c1"), question("q9", "c1"))

        assert len(await records.messages("c1")) == 3


async def test_a_deletion_makes_room_at_once(bounded: Bounded) -> None:
    async with bounded(conversations=1) as records:
        await put(records, "c1")
        await records.delete_conversation("c1")
        await put(records, "c2")

        with pytest.raises(OverQuota):
            await records.open_turn(conversation("c3"), question("q3", "c3"))


async def test_a_text_without_room_is_refused_and_an_answer_never(bounded: Bounded) -> None:
    async with bounded(size=TURN) as records:
        with pytest.raises(OverQuota, match=rf"would have {TURN + 1} bytes; {TURN} are allowed"):
            await records.open_turn(conversation(), question(text="Hi!!"))
        await put(records, "c1")
        assert await records.storage_use("ann") == StorageUse(1, TURN + ANSWER)
        with pytest.raises(OverQuota, match=r"\(max_stored_bytes_per_user\)"):
            await records.open_turn(conversation(), question("q2", text=""))
        with pytest.raises(OverQuota):
            await records.open_turn(conversation(), question("qc1"))  # to be answered once more

        assert len(await records.messages("c1")) == 2


async def test_the_same_opening_once_more_needs_no_more_room(bounded: Bounded) -> None:
    async with bounded(conversations=1, size=TURN) as records:
        for _ in range(2):
            await records.open_turn(conversation(), question(), request_id="r")

        assert await records.storage_use("ann") == StorageUse(1, TURN)


async def test_a_request_that_was_taken_is_told_before_there_is_no_room(bounded: Bounded) -> None:
    async with bounded(conversations=1) as records:
        await records.open_turn(conversation(), question(), request_id="r")
        with pytest.raises(RequestTaken):
            await records.open_turn(conversation("c2"), question("q2", "c2"), request_id="r")


async def test_a_response_without_room_is_refused_until_one_is_deleted(bounded: Bounded) -> None:
    room = response_use(response("r1")).size
    async with bounded(size=room, conversations=1) as records:
        await records.responses.open(response("r1"))
        await records.responses.open(response("r1"))
        await records.responses.close("r1", ENDING)
        with pytest.raises(OverQuota):
            await records.responses.open(response("r2"))
        assert await records.responses.find("ann", "r2") is None
        await records.responses.delete("ann", "r1")
        await records.responses.open(response("r2"))


async def test_it_can_be_asked_whether_there_is_room(bounded: Bounded) -> None:
    async with bounded(conversations=1, size=2 * TURN) as records:
        await records.check_room("ann", StorageUse(1, 2 * TURN))
        await put(records, "c1")
        with pytest.raises(OverQuota, match="You have 1 conversations"):
            await records.check_room("ann", StorageUse(1, 1))
        with pytest.raises(OverQuota, match=f"{TURN + ANSWER + TURN} bytes"):
            await records.check_room("ann", StorageUse(0, TURN))
        await records.check_room("ann", StorageUse(0, 1))
        await records.check_room("bob", StorageUse(1, TURN))


async def test_of_many_starts_at_once_as_many_as_have_room_are_stored(
    database_url: str, bounded: Bounded
) -> None:
    most = {"conversations": 5, "size": 1000 * TURN}
    refused: list[str] = []

    async def start(records: Records, name: str) -> None:
        try:
            await records.open_turn(conversation(name), question(f"q{name}", name))
        except OverQuota:
            refused.append(name)

    async with bounded(**most) as here, bounded(**most) as elsewhere:
        there = here if database_url == "memory://" else elsewhere
        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(start, (here, there)[number % 2], f"c{number}")

        assert len(refused) == 15
        assert await there.storage_use("ann") == StorageUse(5, 5 * TURN)


async def test_all_that_is_there_is_counted_once_there_is_a_quota(sql_url: str) -> None:
    async with open_records(sql_url) as records:
        await put(records, "c1", text="é" * 100)
        await records.open_turn(conversation("c2"), question("q2", "c2"))
        await records.responses.open(response("r1", ending=ENDING))
        await records.responses.open(response("r2", "bob"))
        assert await records.storage_use("ann") == NOTHING
    wanted = StorageUse(2, 2 * TURN + ANSWER + 197) + response_use(response("r1", ending=ENDING))
    for _ in range(2):
        async with open_records(sql_url, quota=AMPLE) as records:
            assert await records.storage_use("ann") == wanted
            assert await records.storage_use("bob") == response_use(response("r2", "bob"))


async def test_what_former_versions_stored_is_counted_too(sql_url: str) -> None:
    async with open_records(sql_url, quota=AMPLE) as records:
        await put(records, "c1", text="é" * 100)
        before = await records.storage_use("ann")
    downgrade(sql_url, "0009")
    async with open_records(sql_url, quota=AMPLE) as records:
        assert await records.storage_use("ann") == before
        await records.delete_conversation("c1")
        assert await records.storage_use("ann") == NOTHING


async def test_what_is_written_while_the_count_begins_is_counted_once(postgresql_url: str) -> None:
    async with open_records(postgresql_url) as writer:

        async def count() -> None:
            async with open_records(postgresql_url, quota=AMPLE):
                pass

        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(put, writer, f"c{number}")
                if number % 7 == 0:
                    nursery.start_soon(count)
        assert await writer.storage_use("ann") == StorageUse(20, 20 * (TURN + ANSWER))


async def test_what_somebody_else_writes_is_counted_too(sql_url: str) -> None:
    row = "'m', 'c1', '', '', 'four', true, false, false, 0, 0"
    async with open_records(sql_url, quota=AMPLE) as records:
        await records.open_turn(conversation(), question())
        execute(
            sql_url,
            "INSERT INTO messages (message_id, conversation_id, parent_message_id, sender, text,"
            f" is_created_by_user, unfinished, error, created_at, updated_at) VALUES ({row})",
        )
        assert await records.storage_use("ann") == StorageUse(1, TURN + ROW_BYTES + 4)
        execute(sql_url, "DELETE FROM messages WHERE message_id = 'm'")
        assert await records.storage_use("ann") == StorageUse(1, TURN)


async def test_a_removal_holds_up_no_other_write_of_its_user(postgresql_url: str) -> None:
    async with open_records(postgresql_url, quota=AMPLE) as records:
        for name in ("c1", "c2"):
            await records.open_turn(conversation(name), question(f"q{name}", name))
        with connect(postgresql_url) as removing:
            removing.execute("DELETE FROM conversations WHERE conversation_id = 'c1'")
            with trio.fail_after(5):  # half of what a write has
                await records.close_turn(answer("a2", "c2"), job_id="j2")
        assert await records.storage_use("ann") == StorageUse(1, TURN + ANSWER)


async def test_what_is_not_counted_yet_keeps_nobody_waiting(postgresql_url: str) -> None:
    async with open_records(postgresql_url) as records:
        await records.open_turn(conversation(), question())
        execute(postgresql_url, "INSERT INTO storage_use VALUES ('ann', 0, 0)")
        with connect(postgresql_url) as counting:
            counting.execute("SELECT FROM storage_use FOR UPDATE")
            with trio.fail_after(5):  # half of what a write has
                await records.close_turn(answer(), job_id="j1")


async def test_without_a_quota_nothing_is_looked_up(sql_url: str) -> None:
    async with open_records(sql_url) as records:
        execute(sql_url, "DROP TABLE storage_use")

        await records.check_room("ann", StorageUse(10**9, 10**18))
