"""The promises of every implementation of Records about titles, request ids and deletion."""

import pytest
from msgspec.structs import replace

from legato.content import NEW_CHAT
from legato.storage.contracts.errors import RequestTaken, StoredTurn
from legato.storage.contracts.records import Records
from tests.support.storage.turns import SteppedClock, conversation, question


async def ids(records: Records, conversation_id: str = "c1") -> list[str]:
    return [message.message_id for message in await records.messages(conversation_id)]


async def test_a_request_id_names_the_turn_it_started(records: Records) -> None:
    await records.open_turn(conversation(), question(), request_id="r")

    assert await records.turn_of_request("ann", "r") == StoredTurn("c1", "q1")
    assert await records.turn_of_request("ann", "other") is None


async def test_request_ids_are_each_users_own(records: Records) -> None:
    await records.open_turn(conversation("c1", "ann"), question("q1", "c1"), request_id="r")
    await records.open_turn(conversation("c2", "bob"), question("q2", "c2"), request_id="r")

    assert await records.turn_of_request("ann", "r") == StoredTurn("c1", "q1")
    assert await records.turn_of_request("bob", "r") == StoredTurn("c2", "q2")


async def test_a_request_id_starts_one_turn_only(records: Records, clock: SteppedClock) -> None:
    opened = await records.open_turn(conversation(), question(), request_id="r")
    clock.advance()
    with pytest.raises(RequestTaken) as refused:
        await records.open_turn(conversation(), question("q2"), request_id="r")

    assert refused.value.turn == StoredTurn("c1", "q1")
    assert await ids(records) == ["q1"]
    assert await records.conversation("c1") == opened


async def test_a_turn_may_be_stored_again_by_the_same_request_or_another(records: Records) -> None:
    for _ in range(2):
        await records.open_turn(conversation(), question(), request_id="r1")
    await records.open_turn(conversation(), question(), request_id="r2")

    assert await records.turn_of_request("ann", "r1") == StoredTurn("c1", "q1")
    assert await records.turn_of_request("ann", "r2") == StoredTurn("c1", "q1")


async def test_a_new_title_touches_the_conversation(records: Records, clock: SteppedClock) -> None:
    opened = await records.open_turn(conversation(), question())
    clock.advance()

    expected = replace(opened, title="T", updated_at=clock.now)
    assert opened.title == NEW_CHAT
    assert await records.retitle("c1", "T") == expected
    assert await records.conversation("c1") == expected


async def test_a_title_that_was_made_leaves_a_title_as_it_is(
    records: Records, clock: SteppedClock
) -> None:
    await records.open_turn(conversation(), question())
    titled = await records.retitle("c1", "First", made_of="q1")
    clock.advance()

    assert titled is not None
    assert titled.title == "First"
    assert await records.retitle("c1", "Second", made_of="q1") == titled
    assert await records.conversation("c1") == titled


async def test_a_title_made_of_a_deleted_question_names_no_other_conversation(
    records: Records,
) -> None:
    await records.open_turn(conversation(), question())
    await records.delete_conversation("c1")
    again = await records.open_turn(conversation(), question("q2"))
    await records.open_turn(conversation("c2"), question("q1", "c2"))

    assert await records.retitle("c1", "Old", made_of="q1") == again
    assert await records.conversation("c1") == again


async def test_deletion_takes_messages_and_request_ids_along(records: Records) -> None:
    await records.open_turn(conversation("c1"), question("q1", "c1"), request_id="r1")
    await records.open_turn(conversation("c2"), question("q2", "c2"), request_id="r2")

    assert await records.delete_conversation("c1") is True
    assert await records.conversation("c1") is None
    assert await records.messages("c1") == []
    assert await records.turn_of_request("ann", "r1") is None
    assert await records.turn_of_request("ann", "r2") == StoredTurn("c2", "q2")
    assert await ids(records, "c2") == ["q2"]


async def test_deleted_ids_may_be_used_again(records: Records, clock: SteppedClock) -> None:
    await records.open_turn(conversation(title="T"), question(), request_id="r")
    await records.delete_conversation("c1")
    clock.advance()
    again = await records.open_turn(conversation(user="bob"), question(), request_id="r")

    assert again == replace(conversation(user="bob"), created_at=clock.now, updated_at=clock.now)
