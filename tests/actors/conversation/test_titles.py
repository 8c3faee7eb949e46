"""A conversation's name, after its first answer."""

import pytest
import trio
from msgspec.structs import replace
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.conversation.titles import by_rule, cleaned
from legato.content import NEW_CHAT
from legato.events import Finished
from legato.models.contract import FinishReport, LogprobsChunk, TextChunk
from tests.actors.test_job import ending_of
from tests.support.actors import C1, House, open_house


async def answer(house: House, **fields: str) -> None:
    job = house.start(**fields)
    house.model.say("Because.")
    house.model.finish()
    await ending_of(job)


async def title(house: House) -> str:
    await house.supervisor.titles.wait(C1)
    conversation = await house.records.conversation(C1)
    assert conversation is not None
    return conversation.title


async def test_a_title_is_made_by_rule_where_the_model_writes_none(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        await answer(house, text="why is\nthe sky blue?")

        assert await title(house) == "why is the sky blue?"
        await answer(house, text="and grass green?")
        assert await title(house) == "why is the sky blue?"


async def test_a_model_writes_the_title(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        house.model.writes_titles = True
        house.model.play(TextChunk("Because."), FinishReport("stop"))
        house.model.play(TextChunk('"Sky '), LogprobsChunk('colour"', "{}"), FinishReport("stop"))
        await ending_of(house.start())

        assert await title(house) == "Sky colour"
        assert house.model.requests[-1].parameters == {"max_tokens": 24}


async def test_a_title_that_a_person_gave_meanwhile_stays(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        house.model.writes_titles = True
        await answer(house)
        await house.records.retitle(C1, "Mine")
        house.model.play(TextChunk("Sky colour"), FinishReport("stop"))

        assert await title(house) == "Mine"


async def test_a_title_of_deleted_words_names_no_later_conversation(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        house.model.writes_titles = True
        await answer(house, text="What ails me?")
        made = house.supervisor.titles.wait
        async with trio.open_nursery() as nursery:
            nursery.start_soon(made, C1)
            await house.jobs.close_conversation("ann", C1)
            await house.records.delete_conversation(C1)
            later = house.start(text="Hello")
            await later.opened()
            house.model.play(TextChunk("My illness"), FinishReport("stop"))

        conversation = await house.records.conversation(C1)
        assert conversation is not None
        assert conversation.title == NEW_CHAT


@pytest.mark.parametrize("breaks", [True, False])
async def test_a_title_that_does_not_come_is_made_by_rule(
    autojump_clock: MockClock, breaks: bool
) -> None:
    async with open_house(title_timeout=5) as house:
        house.model.writes_titles = True
        await answer(house)
        if breaks:
            house.model.fail()

        assert await title(house) == "hello"


async def test_a_title_that_cannot_be_stored_hurts_nobody(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        house.records.untitled = True
        await answer(house)

        assert await title(house) == NEW_CHAT


async def test_two_titles_in_the_making_do_not_wait_for_each_other(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        await answer(house)
        conversation = await house.records.conversation(C1)
        question, told = await house.records.messages(C1)
        assert conversation is not None
        ending = Finished(
            conversation=replace(conversation, title=NEW_CHAT), request=question, response=told
        )
        titles = house.supervisor.titles
        first = titles.due(ending, house.model)
        second = titles.due(ending, house.model)
        assert first is not None
        assert second is not None
        await first()
        with pytest.raises(trio.TooSlowError), trio.fail_after(1):
            await titles.wait(C1)
        await second()

        await titles.wait(C1)


async def test_whoever_waits_for_a_title_waits_for_the_answer_too(
    autojump_clock: MockClock,
) -> None:
    async with open_house() as house:
        house.start()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(house.jobs.titled, "ann", C1)
            await wait_all_tasks_blocked()
            assert nursery.child_tasks
            house.model.say("Because.")
            house.model.finish()

        assert await title(house) == "hello"


async def test_failed_and_empty_answers_name_nothing(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        job = house.start()
        house.model.finish()
        await ending_of(job)
        assert await title(house) == NEW_CHAT
        job = house.start()
        house.model.say("half")
        house.model.fail()
        await ending_of(job)
        assert await title(house) == NEW_CHAT


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ('"A name."', "A name"),
        ("\n\nTitle: **Blue skies**\nbecause", "Blue skies"),
        ("Conversation title: Blue skies", "Blue skies"),
        ("**Title:** Blue skies", "Blue skies"),
        ("Here is a title: “Blue skies”", "Blue skies"),
        ("<think>I wonder\n</think>\n\nBlue skies", "Blue skies"),
        ("I wonder</think>Blue skies", "Blue skies"),
        ("<think>I wonder for too long", ""),
        ("Blue\0 skies\x1b", "Blue skies"),
        ('{"title": "Blue skies"}', ""),
        ('["Blue skies"]', ""),
        ("```json", ""),
        ("<title>Blue skies</title>", ""),
        ("1. Blue skies\n2. Grey skies", ""),
        ("1984", "1984"),
        ("", ""),
        (" \n ", ""),
        ("The user asks about skies and I shall now explain them", ""),
    ],
)
def test_what_models_put_around_a_title_goes(said: str, kept: str) -> None:
    assert cleaned(said) == kept


@pytest.mark.parametrize(
    ("question", "kept"),
    [
        ("short", "short"),
        ("a\0b", "a b"),
        ("word " * 20, "word " * 14 + "word…"),
        ("x" * 90, "x" * 79 + "…"),
    ],
)
def test_a_long_title_is_cut_between_words(question: str, kept: str) -> None:
    assert by_rule(question) == kept
