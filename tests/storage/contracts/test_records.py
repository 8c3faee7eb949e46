"""The promises of every implementation of Records about turns."""

from datetime import UTC

import msgspec
import pytest
from msgspec.structs import replace

from legato.content import ErrorPart, TextPart, ThinkPart, ToolCall, ToolCallPart, Usage
from legato.storage.contracts.errors import ForeignConversation
from legato.storage.contracts.records import Records
from tests.support.storage.turns import START, SteppedClock, answer, conversation, question


async def ids(records: Records, conversation_id: str = "c1") -> list[str]:
    return [message.message_id for message in await records.messages(conversation_id)]


async def test_a_new_turn_is_stored_with_its_conversation(records: Records) -> None:
    stored = await records.open_turn(conversation(model="m"), question())

    expected = replace(conversation(model="m"), created_at=START, updated_at=START)
    assert stored == expected
    assert await records.conversation("c1") == expected
    assert await records.messages("c1") == [replace(question(), created_at=START, updated_at=START)]


async def test_timestamps_are_the_storages_own_and_in_utc(records: Records) -> None:
    theirs = START.replace(year=1999)
    await records.open_turn(
        replace(conversation(), created_at=theirs, updated_at=theirs),
        replace(question(), created_at=theirs, updated_at=theirs),
    )

    [message] = await records.messages("c1")
    found = await records.conversation("c1")
    assert found is not None
    assert {message.created_at, message.updated_at, found.created_at, found.updated_at} == {START}
    assert getattr(message.created_at, "tzinfo", None) is UTC


async def test_a_later_turn_keeps_title_and_birth_and_takes_the_new_model(
    records: Records, clock: SteppedClock
) -> None:
    await records.open_turn(conversation(title="Old", model="m1"), question())
    clock.advance()
    stored = await records.open_turn(conversation(title="New", endpoint="e2"), question("q2"))

    assert stored == replace(
        conversation(title="Old", endpoint="e2"), created_at=START, updated_at=clock.now
    )
    assert await records.conversation("c1") == stored


async def test_a_message_is_replaced_in_place(records: Records, clock: SteppedClock) -> None:
    await records.open_turn(conversation(), question())
    await records.close_turn(answer(), job_id="j1")
    clock.advance()
    await records.open_turn(conversation(), question(text="Edited?"))

    first, second = await records.messages("c1")
    assert first == replace(question(text="Edited?"), created_at=START, updated_at=clock.now)
    assert second.message_id == "a1"


async def test_a_replaced_message_loses_what_the_new_one_lacks(records: Records) -> None:
    await records.open_turn(conversation(), question())
    await records.close_turn(
        replace(answer(), model="m", finish_reason="stop", usage=Usage(1)), job_id="j1"
    )
    await records.close_turn(replace(answer(), unfinished=True), job_id="j2")

    [_, found] = await records.messages("c1")
    assert found == replace(answer(), unfinished=True, created_at=START, updated_at=START)


async def test_an_answer_comes_back_whole(records: Records) -> None:
    call = ToolCall(id="t", name="add", args='{"a": 1}', output="2", progress=0.5)
    parts = (ThinkPart("hm"), TextPart("Yes."), ToolCallPart(call), ErrorPart("broke"))
    given = replace(
        answer(),
        content=parts,
        model="m",
        endpoint="agents",
        finish_reason="length",
        usage=Usage(3, 2, 1),
        unfinished=True,
        error=True,
    )
    await records.open_turn(conversation(), question())
    await records.close_turn(given, job_id="j1")

    assert (await records.messages("c1"))[1] == replace(given, created_at=START, updated_at=START)


async def test_no_content_and_empty_content_stay_apart(records: Records) -> None:
    await records.open_turn(conversation(), question())
    await records.close_turn(replace(answer(), content=()), job_id="j1")

    asked, answered = await records.messages("c1")
    assert asked.content is msgspec.UNSET
    assert answered.content == ()


async def test_closing_a_turn_touches_its_conversation(
    records: Records, clock: SteppedClock
) -> None:
    opened = await records.open_turn(conversation(title="T", model="m"), question())
    clock.advance()

    assert await records.close_turn(answer(), job_id="j1") == replace(opened, updated_at=clock.now)
    assert await records.conversation("c1") == replace(opened, updated_at=clock.now)


async def test_closing_a_turn_of_a_deleted_conversation_stores_nothing(records: Records) -> None:
    await records.open_turn(conversation(), question())
    await records.delete_conversation("c1")

    assert await records.close_turn(answer(), job_id="j1") is None
    assert await records.messages("c1") == []
    assert await records.conversation("c1") is None


async def test_another_users_conversation_is_refused(records: Records, clock: SteppedClock) -> None:
    opened = await records.open_turn(conversation(user="ann"), question())
    clock.advance()
    with pytest.raises(ForeignConversation):
        await records.open_turn(conversation(user="bob"), question("q2"), request_id="r")

    assert await records.conversation("c1") == opened
    assert await ids(records) == ["q1"]
    assert await records.turn_of_request("bob", "r") is None


@pytest.mark.parametrize("user", ["ann", "bob"])
async def test_a_message_of_another_conversation_is_refused_and_never_moved(
    records: Records, user: str
) -> None:
    await records.open_turn(conversation("c1", user), question("q1", "c1"))
    with pytest.raises(ForeignConversation):
        await records.open_turn(conversation("c2", "ann"), question("q1", "c2"), request_id="r")

    assert await ids(records, "c1") == ["q1"]
    assert await records.conversation("c2") is None
    assert await records.turn_of_request("ann", "r") is None


async def test_an_answer_of_another_conversation_is_refused(
    records: Records, clock: SteppedClock
) -> None:
    await records.open_turn(conversation("c1", "ann"), question("q1", "c1"))
    untouched = await records.open_turn(conversation("c2", "bob"), question("q2", "c2"))
    clock.advance()
    with pytest.raises(ForeignConversation):
        await records.close_turn(answer("q1", "c2"), job_id="j1")

    assert await records.conversation("c2") == untouched
    assert await records.messages("c1") == [
        replace(question("q1", "c1"), created_at=START, updated_at=START)
    ]


async def test_a_turns_message_must_be_of_its_conversation(records: Records) -> None:
    with pytest.raises(ValueError, match="must be of its conversation c1; found one of c2"):
        await records.open_turn(conversation("c1"), question("q1", "c2"))


async def test_messages_come_in_order_of_arrival_whatever_the_clock_says(
    records: Records, clock: SteppedClock
) -> None:
    await records.open_turn(conversation(), question("m2"))
    await records.close_turn(answer("m3"), job_id="j1")
    await records.close_turn(answer("m1"), job_id="j1")
    clock.advance(-1)  # a clock that was set back
    await records.close_turn(answer("m0"), job_id="j1")
    await records.close_turn(answer("m2"), job_id="j1")  # a replaced message stays in place

    assert await ids(records) == ["m2", "m3", "m1", "m0"]


async def test_what_is_not_there(records: Records) -> None:
    assert await records.messages("c1") == []
    assert await records.conversation("c1") is None
    assert await records.retitle("c1", "T") is None
    assert await records.delete_conversation("c1") is False
    assert await records.close_turn(answer(), job_id="j1") is None


async def test_some_messages_are_found_by_their_ids(records: Records) -> None:
    await records.open_turn(conversation(), question())
    await records.close_turn(answer(), job_id="j1")
    whole = await records.messages("c1")

    assert await records.some_messages("c1", [whole[1].message_id, "unknown"]) == whole[1:]
    assert await records.some_messages("c1", []) == []
    assert await records.some_messages("another", [whole[1].message_id]) == []
