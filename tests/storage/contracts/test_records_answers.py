"""The promises of every implementation of Records about answers and their jobs."""

import trio
from msgspec.structs import replace

from legato.content import TextPart
from legato.storage.contracts.records import Records, Revision
from legato.storage.open import open_records
from tests.support.storage.sql import downgrade
from tests.support.storage.turns import START, SteppedClock, answer, conversation, question

SEALED = replace(answer(text="The server ended."), unfinished=True)


async def test_the_first_answer_that_a_job_stored_stays(
    records: Records, clock: SteppedClock
) -> None:
    await records.open_turn(conversation(), question())
    first = await records.close_turn(answer(), job_id="j1")
    clock.advance()
    again = await records.close_turn(SEALED, job_id="j1")

    stored = replace(answer(), created_at=START, updated_at=START)
    assert again == first == await records.conversation("c1"), "nothing was touched"
    assert (await records.messages("c1"))[1] == stored
    assert await records.answer("j1") == stored


async def test_another_job_replaces_an_answer(records: Records, clock: SteppedClock) -> None:
    await records.open_turn(conversation(), question())
    await records.close_turn(answer(), job_id="j1")
    clock.advance()
    touched = await records.close_turn(answer(text="Hello again."), job_id="j2")

    stored = replace(answer(text="Hello again."), created_at=START, updated_at=clock.now)
    assert touched is not None
    assert touched.updated_at == clock.now
    assert (await records.messages("c1"))[1:] == [stored]
    assert await records.answer("j1") is None
    assert await records.answer("j2") == stored


async def test_a_job_that_comes_late_replaces_no_answer_that_a_later_job_revises(
    records: Records, clock: SteppedClock
) -> None:
    await records.open_turn(conversation(), question())
    first = await records.close_turn(answer(), job_id="j1")
    await records.open_turn(conversation(), question(), revision=Revision("j2", "a1"))
    late = answer(text="From before the outage.")
    clock.advance()
    begun = await records.conversation("c1")

    assert await records.close_turn(late, job_id="j0") == begun, "nothing was touched"
    revised = await records.close_turn(answer(text="Hello again."), job_id="j2")
    for job_id in ("j0", "j1"):
        assert await records.close_turn(late, job_id=job_id) == revised
    assert first is not None
    assert (await records.messages("c1"))[1].content == (TextPart("Hello again."),)
    assert await records.answer("j2") is not None

    await records.open_turn(conversation(), question(), revision=Revision("j3", "a1"))
    assert await records.close_turn(late, job_id="j3") is not None
    assert (await records.messages("c1"))[1].content == (TextPart("From before the outage."),)


async def test_to_revise_an_answer_that_is_not_stored_keeps_nobody_from_storing_it(
    records: Records,
) -> None:
    await records.open_turn(conversation(), question(), revision=Revision("j2", "a1"))
    await records.close_turn(answer(), job_id="j1")

    assert await records.answer("j1") is not None


async def test_a_question_in_an_answers_place_is_no_jobs_answer(records: Records) -> None:
    await records.open_turn(conversation(), question())
    await records.close_turn(answer("a1"), job_id="j1")
    await records.open_turn(conversation(), question("a1"))

    assert await records.answer("j1") is None
    await records.close_turn(answer("a1"), job_id="j1")
    assert (await records.messages("c1"))[1].content == answer().content


async def test_an_answer_of_no_job_is_none(records: Records) -> None:
    await records.open_turn(conversation(), question())

    assert await records.answer("j1") is None


async def test_an_answer_goes_with_its_conversation(records: Records) -> None:
    await records.open_turn(conversation(), question())
    await records.close_turn(answer(), job_id="j1")
    await records.delete_conversation("c1")

    assert await records.answer("j1") is None
    await records.open_turn(conversation(), question())
    assert await records.close_turn(SEALED, job_id="j1") is not None
    assert (await records.messages("c1"))[1].unfinished


async def test_of_many_answers_of_one_job_at_once_the_first_stays(records: Records) -> None:
    await records.open_turn(conversation(), question())

    async def close(number: int) -> None:
        assert await records.close_turn(answer(text=f"{number}"), job_id="j1") is not None
        found = await records.answer("j1")
        assert found is not None
        seen.add(found.content)

    seen: set[object] = set()
    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(close, number)

    [content] = seen
    assert content in {(TextPart(f"{number}"),) for number in range(20)}


async def test_answers_from_before_jobs_were_noted_are_replaced(new_sql_url: str) -> None:
    async with open_records(new_sql_url) as records:
        await records.open_turn(conversation(), question())
        await records.close_turn(answer(), job_id="j1")
    downgrade(new_sql_url, "0006")

    async with open_records(new_sql_url) as records:
        assert (await records.messages("c1"))[1].content == answer().content
        assert await records.answer("j1") is None
        await records.close_turn(SEALED, job_id="j1")
        assert (await records.messages("c1"))[1].unfinished
