"""A message and the messages above: everything that a model is to read, and no more than it can."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from legato.content import NO_PARENT
from legato.storage.branches import cut_branch
from legato.storage.contracts.records import LONGEST_BRANCH, BegunTurn, Branch, Records
from tests.support.storage.turns import answer, conversation, question

ALL = 10_000
"""Characters: more than any of these conversations has."""


def ids(branch: Branch) -> Sequence[str]:
    return [message.message_id for message in branch.messages]


async def ask(records: Records, message_id: str, parent: str = NO_PARENT, text: str = "?") -> None:
    asked = replace(question(message_id, text=text), parent_message_id=parent)
    await records.open_turn(conversation(), asked)


async def chain(records: Records, sizes: Sequence[int]) -> None:
    """Store m1, m2 and so on, each below the last."""
    parent = NO_PARENT
    for number, size in enumerate(sizes, start=1):
        await ask(records, f"m{number}", parent, "x" * size)
        parent = f"m{number}"


async def test_a_branch_goes_up_from_its_message_to_the_first(records: Records) -> None:
    await chain(records, [1, 1, 1])
    await ask(records, "other", "m1")
    whole = {message.message_id: message for message in await records.messages("c1")}

    assert (await records.branch("c1", "m3", most=ALL)).messages == [
        *(whole["m1"], whole["m2"], whole["m3"])
    ]
    assert ids(await records.branch("c1", "m2", most=ALL)) == ["m1", "m2"]
    assert ids(await records.branch("c1", "other", most=ALL)) == ["m1", "other"]


async def test_without_a_name_it_is_the_newest_message_s(records: Records) -> None:
    await chain(records, [1, 1])
    assert ids(await records.branch("c1", most=ALL)) == ["m1", "m2"]
    await ask(records, "other", "m1")
    assert ids(await records.branch("c1", most=ALL)) == ["m1", "other"]


async def test_what_is_not_there_has_no_branch(records: Records) -> None:
    await chain(records, [1])
    await records.open_turn(conversation("c2"), question("q2", "c2"))

    for place in (("c1", "unknown"), ("c1", "q2"), ("c3", "m1"), ("c3", None), ("c1", "")):
        branch = await records.branch(*place, most=ALL)
        assert (ids(branch), branch.above) == ([], 0)


@pytest.mark.parametrize(
    ("most", "found"), [(400, 4), (399, 3), (300, 3), (200, 2), (1, 2), (0, 2)]
)
async def test_no_more_is_read_than_was_asked_for(records: Records, most: int, found: int) -> None:
    await chain(records, [100, 100, 100, 100])
    branch = await records.branch("c1", "m4", most=most)

    assert ids(branch) == ["m1", "m2", "m3", "m4"][4 - found :]
    assert branch.above == 4 - found


async def test_one_that_is_too_large_hides_the_small_ones_above_it(records: Records) -> None:
    await chain(records, [1, 1, 500, 1, 1])
    branch = await records.branch("c1", "m5", most=100)

    assert (ids(branch), branch.above) == (["m4", "m5"], 3)


async def test_an_answer_s_content_counts(records: Records) -> None:
    await ask(records, "q1")
    await records.close_turn(answer("a1", text="x" * 500), job_id="j1")
    await ask(records, "m1", "a1")
    await ask(records, "m2", "m1")

    assert ids(await records.branch("c1", "m2", most=400)) == ["m1", "m2"]
    assert ids(await records.branch("c1", "m2", most=ALL)) == ["q1", "a1", "m1", "m2"]


async def test_a_circle_of_parents_is_gone_round_once(records: Records) -> None:
    await ask(records, "m1", "m2")
    await ask(records, "m2", "m1")
    await ask(records, "own", "own")

    assert ids(await records.branch("c1", "m2", most=ALL)) == ["m1", "m2"]
    assert ids(await records.branch("c1", "own", most=ALL)) == ["own"]


def test_the_longest_branch_is_cut_by_its_sizes_alone() -> None:
    sized = [(f"m{number}", 10 * number) for number in range(1, LONGEST_BRANCH + 1)]

    assert cut_branch(sized, 50) == (["m1", "m2", "m3", "m4", "m5"], LONGEST_BRANCH - 5)
    assert cut_branch(sized, 5) == (["m1", "m2"], LONGEST_BRANCH - 2)
    assert cut_branch([], 5) == ([], 0)


async def test_turns_looked_up_together_are_those_found_one_by_one(records: Records) -> None:
    await chain(records, [5, 5, 5])
    for number in range(30):
        await records.open_turn(conversation(f"d{number}"), question(f"q{number}", f"d{number}"))
    await records.close_turn(answer(), job_id="j")
    turns = [
        BegunTurn("j", "c1", "m3", ALL),
        BegunTurn("k", "c1", "m3", 5),
        *(BegunTurn(f"j{each}", f"d{each}", f"q{each}", ALL) for each in range(30)),
        BegunTurn("gone", "c9", "q9", ALL),
        BegunTurn("elsewhere", "c1", "q3", ALL),
    ]
    places = await records.places(turns)

    for turn, place in zip(turns, places, strict=True):
        found = await records.branch(turn.conversation_id, turn.message_id, most=turn.most)
        assert (ids(place.branch), place.branch.above) == (ids(found), found.above)
        assert place.conversation == await records.conversation(turn.conversation_id)
    assert [turn.job_id for turn, each in zip(turns, places, strict=True) if each.is_answered] == [
        "j"
    ]
    assert list(await records.places([])) == []
