"""What every implementation of Agents promises."""

from datetime import timedelta
from random import Random

import pytest

from legato.agents.definition import Edge
from legato.agents.state import AgentState, SupportContact
from legato.storage.contracts import agents as contract
from legato.storage.contracts.agents import (
    DELETE,
    EDIT,
    OWNER,
    PUBLIC,
    SHARE,
    VIEW,
    AgentQuery,
    Avatar,
    Grant,
    NoOwner,
    NoSuchVersion,
    Principal,
    TooMany,
)
from legato.storage.contracts.errors import InvalidCursor, StorageError
from legato.storage.contracts.records import Records
from legato.storage.open import open_records
from tests.support.storage.turns import START, SteppedClock

ANN, BOB = Principal("user", "ann"), Principal("user", "bob")
AVATAR = Avatar("image/png", b"\x89PNG\r\n\x1a\n\0", "ab" * 32)


def state(name: str = "Ada", model: str = "scripted", **fields: object) -> AgentState:
    return AgentState(name=name, model=model, **fields)  # type: ignore[arg-type]


async def names(records: Records, *principals: Principal, **query: object) -> list[str]:
    asked = AgentQuery(**query)  # type: ignore[arg-type]
    page = await records.agents.page(principals, asked, limit=100)
    return [each.name for each in page.agents]


async def test_an_agent_comes_back_as_it_was_given(records: Records) -> None:
    whole = state(
        name="e\u0301 🎼 '; DROP TABLE agents; --",
        description="d",
        instructions="Be brief.",
        model_parameters={"temperature": 0.5, "stop": ["a", "b"]},
        tools=("now_mcp_clock",),
        actions=("example.com_action_1",),
        recursion_limit=7,
        edges=(Edge(origin="agent_1", target=("agent_2",), edge_type="direct"),),
        end_after_tools=True,
        category="science",
        conversation_starters=("Hi",),
        support_contact=SupportContact("Ann", "ann@example.com"),
    )
    added = await records.agents.add("agent_1", "ann", whole)
    (found,) = await records.agents.find(["agent_1"], [ANN])

    assert added == found.agent
    assert found.agent.state == whole
    assert (found.agent.author, found.agent.version, found.agent.versions) == ("ann", 1, 1)
    assert found.agent.created_at == found.agent.updated_at == START
    assert found.bits == (OWNER,)
    (listed,) = (await records.agents.page([ANN], AgentQuery(), limit=1)).agents
    assert (listed.name, listed.category) == (whole.name, "science")
    assert listed.support_contact == whole.support_contact


async def test_of_an_agent_that_was_never_added_there_is_nothing(records: Records) -> None:
    agents = records.agents

    assert await agents.find(["agent_1"], [ANN]) == []
    assert await agents.change("agent_1", {"name": "x"}, "ann") is None
    assert await agents.revert("agent_1", 1, "ann") is None
    assert await agents.set_avatar("agent_1", AVATAR) is None
    assert await agents.avatar("agent_1") is None
    assert not await agents.delete("agent_1")
    assert not await agents.share("agent_1", [Grant(ANN, OWNER)])
    assert [*await agents.grants("agent_1")] == []
    assert [*await agents.history("agent_1", most=9)] == []


async def test_an_update_appends_a_version_and_an_equal_one_changes_nothing(
    records: Records, clock: SteppedClock
) -> None:
    first = state(tools=("a", "b"), model_parameters={"x": 1, "y": [1, 2]})
    await records.agents.add("agent_1", "ann", first)
    clock.advance()
    equal = {"tools": ("b", "a"), "model_parameters": {"y": [2, 1], "x": 1}}
    unchanged = await records.agents.change("agent_1", equal, "bob")
    changed = await records.agents.change("agent_1", {"name": "Bea"}, "bob")

    assert unchanged
    assert changed
    assert (unchanged.versions, unchanged.updated_at, unchanged.state) == (1, START, first)
    assert (changed.version, changed.versions, changed.updated_by) == (2, 2, "bob")
    assert changed.state == state("Bea", tools=first.tools, model_parameters=first.model_parameters)
    assert (changed.created_at, changed.updated_at) == (START, clock.now)
    one, two = await records.agents.history("agent_1", most=10_000)
    assert (one.version, one.state, one.updated_by) == (1, first, "ann")
    assert (two.version, two.state, two.updated_by) == (2, changed.state, "bob")


async def test_a_revert_makes_a_former_version_current_and_adds_none(records: Records) -> None:
    await records.agents.add("agent_1", "ann", state("one"))
    await records.agents.change("agent_1", {"name": "two"}, "ann")
    reverted = await records.agents.revert("agent_1", 1, "bob")

    assert reverted
    assert (reverted.state.name, reverted.version, reverted.versions) == ("one", 1, 2)
    assert reverted.updated_by == "bob"
    assert await names(records, ANN, search="one") == ["one"]
    followed = await records.agents.change("agent_1", {"name": "three"}, "ann")
    assert followed
    assert (followed.version, followed.versions) == (3, 3)
    for wrong in (0, 4, -1, 2**31):
        with pytest.raises(NoSuchVersion, match=f"no version {wrong}; the agent has 3"):
            await records.agents.revert("agent_1", wrong, "ann")


async def test_of_a_long_history_only_the_newest_states_are_read(records: Records) -> None:
    await records.agents.add("agent_1", "ann", state(instructions="a" * 1000))
    for letter in "bc":
        await records.agents.change("agent_1", {"instructions": letter * 1000}, "ann")
    history = await records.agents.history("agent_1", most=2500)

    assert [each.version for each in history] == [1, 2, 3]
    assert [each.state and each.state.instructions[0] for each in history] == [None, "b", "c"]


async def test_an_agent_has_a_bounded_number_of_versions(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("legato.storage.agent_rules.MOST_VERSIONS", 2)
    await records.agents.add("agent_1", "ann", state("one"))
    await records.agents.change("agent_1", {"name": "two"}, "ann")

    with pytest.raises(TooMany, match="2 versions"):
        await records.agents.change("agent_1", {"name": "three"}, "ann")
    (found,) = await records.agents.find(["agent_1"], [])
    assert (found.agent.state.name, found.agent.versions) == ("two", 2)
    assert contract.MOST_VERSIONS == 1000


async def test_one_grant_must_have_all_that_is_needed(records: Records) -> None:
    await records.agents.add("agent_1", "ann", state())
    await records.agents.share("agent_1", [Grant(BOB, VIEW | EDIT), Grant(PUBLIC, VIEW | SHARE)])
    (found,) = await records.agents.find(["agent_1"], [BOB, PUBLIC])

    assert sorted(found.bits) == [VIEW | EDIT, VIEW | SHARE]
    assert found.allows(VIEW)
    assert found.allows(EDIT)
    assert not found.allows(EDIT | SHARE)
    assert not found.allows(DELETE)
    assert found.agent.is_public
    (stranger,) = await records.agents.find(["agent_1"], [Principal("user", "eve")])
    assert stranger.bits == ()
    assert await names(records, BOB, bits=EDIT) == ["Ada"]
    assert await names(records, BOB, PUBLIC, bits=EDIT | SHARE) == []
    assert await names(records, Principal("group", "bob"), bits=VIEW) == []


async def test_grants_are_put_replaced_and_removed(records: Records) -> None:
    await records.agents.add("agent_1", "ann", state())
    await records.agents.share("agent_1", [Grant(BOB, VIEW), Grant(PUBLIC, VIEW)])
    await records.agents.share("agent_1", [Grant(BOB, OWNER)], [PUBLIC, Principal("user", "x")])

    assert [*await records.agents.grants("agent_1")] == [Grant(ANN, OWNER), Grant(BOB, OWNER)]
    (found,) = await records.agents.find(["agent_1"], [PUBLIC])
    assert (found.bits, found.agent.is_public) == ((), False)


async def test_the_last_owner_cannot_be_removed(records: Records) -> None:
    await records.agents.add("agent_1", "ann", state())
    before = await records.agents.grants("agent_1")
    for put, removed in (
        ([], [ANN]),
        ([Grant(ANN, OWNER - SHARE)], []),
        ([Grant(BOB, VIEW), Grant(Principal("group", "g"), OWNER)], [ANN]),
    ):
        with pytest.raises(NoOwner):
            await records.agents.share("agent_1", put, removed)

        assert await records.agents.grants("agent_1") == before
    assert await records.agents.share("agent_1", [Grant(BOB, OWNER)], [ANN])
    assert await names(records, ANN) == []


async def test_an_agent_has_a_bounded_number_of_grants(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("legato.storage.agent_rules.MOST_GRANTS", 2)
    await records.agents.add("agent_1", "ann", state())
    await records.agents.share("agent_1", [Grant(BOB, VIEW)])

    with pytest.raises(TooMany, match="3 grants; 2 are allowed"):
        await records.agents.share("agent_1", [Grant(PUBLIC, VIEW)])
    assert len(await records.agents.grants("agent_1")) == 2


async def test_pages_follow_one_another_last_changed_first(
    records: Records, clock: SteppedClock
) -> None:
    for number in range(7):
        if number % 3 == 0:
            clock.advance()  # some at one time: ids tell them apart
        await records.agents.add(f"agent_{number}", "ann", state(str(number)))
    await records.agents.add("agent_x", "bob", state("bob's"))
    clock.advance()
    await records.agents.change("agent_2", {"description": "new"}, "ann")
    seen, cursor = [], None
    while True:
        page = await records.agents.page([ANN], AgentQuery(), limit=2, cursor=cursor)
        seen.append([each.name for each in page.agents])
        if (cursor := page.next_cursor) is None:
            break

    assert seen == [["2", "6"], ["3", "4"], ["5", "0"], ["1"]]


async def test_an_operator_sees_every_agent(records: Records, clock: SteppedClock) -> None:
    for number, author in enumerate(["ann", "bob"]):
        clock.advance()
        await records.agents.add(f"agent_{number}", author, state(author))
    page = await records.agents.page(None, AgentQuery(), limit=100)

    assert [(each.author, each.name) for each in page.agents] == [("bob", "bob"), ("ann", "ann")]


@pytest.mark.parametrize("cursor", ["", "x", "e30", "eyJwcmltYXJ5IjoxfQ"])
async def test_a_cursor_that_no_page_carried_is_refused(records: Records, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        await records.agents.page([ANN], AgentQuery(), limit=2, cursor=cursor)


async def test_words_are_looked_for_in_names_and_descriptions(records: Records) -> None:
    for number, (name, description) in enumerate(
        [("Über 100%", "x"), ("plain", "a_b \\ ÜBER"), ("other", "axb")]
    ):
        await records.agents.add(f"a{number}", "ann", state(name, description=description))

    assert sorted(await names(records, ANN, search="über")) == ["plain", "Über 100%"]
    assert await names(records, ANN, search="%") == ["Über 100%"]
    assert await names(records, ANN, search="a_b") == ["plain"]
    assert await names(records, ANN, search="\\") == ["plain"]
    assert len(await names(records, ANN, search="")) == 3


async def test_agents_are_counted_and_listed_by_category(records: Records) -> None:
    for number, category in enumerate(["science", "science", "general"]):
        await records.agents.add(f"a{number}", "ann", state(str(number), category=category))
    await records.agents.add("a9", "bob", state("bob's", category="law"))

    assert await records.agents.categories([ANN]) == {"science": 2, "general": 1}
    assert sorted(await names(records, ANN, category="science")) == ["0", "1"]
    assert await names(records, ANN, category="law") == []


async def test_an_avatar_is_kept_replaced_and_removed(records: Records) -> None:
    await records.agents.add("agent_1", "ann", state())
    other = Avatar("image/webp", b"RIFF", "cd" * 32)
    for avatar in (AVATAR, other):
        kept = await records.agents.set_avatar("agent_1", avatar)

        assert kept
        assert kept.avatar == avatar.digest
        assert await records.agents.avatar("agent_1") == avatar
    removed = await records.agents.set_avatar("agent_1", None)
    assert removed
    assert removed.avatar is None
    assert await records.agents.avatar("agent_1") is None
    assert await records.agents.set_avatar("agent_1", None)


async def test_a_deleted_agent_is_gone_with_all_that_belongs_to_it(records: Records) -> None:
    await records.agents.add("agent_1", "ann", state())
    await records.agents.add("agent_2", "ann", state("other"))
    await records.agents.share("agent_1", [Grant(BOB, VIEW)])
    await records.agents.set_avatar("agent_1", AVATAR)

    assert await records.agents.delete("agent_1")
    assert not await records.agents.delete("agent_1")
    assert [each.agent.id for each in await records.agents.find(["agent_1", "agent_2"], [ANN])] == [
        "agent_2"
    ]
    assert [*await records.agents.grants("agent_1")] == []
    assert await records.agents.avatar("agent_1") is None
    assert [*await records.agents.history("agent_1", most=9)] == []
    assert await names(records, BOB) == []


async def test_many_versions_are_deleted_in_steps(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("legato.storage.sql.agents.VERSIONS_A_STEP", 2)
    await records.agents.add("agent_1", "ann", state())
    for number in range(4):
        await records.agents.change("agent_1", {"name": str(number)}, "ann")

    assert await records.agents.delete("agent_1")
    assert await records.agents.find(["agent_1"], [ANN]) == []


async def test_a_storage_that_is_closed_says_so(database_url: str) -> None:
    async with open_records(database_url) as records:
        pass

    with pytest.raises(StorageError, match="closed"):
        await records.agents.add("agent_1", "ann", state())


async def test_every_implementation_does_the_same(records: Records, clock: SteppedClock) -> None:
    """A walk of 300 steps drawn from a seed, compared with a dictionary."""
    random, known = Random(4), {}
    for _ in range(300):
        clock.advance()
        agent_id, name = f"agent_{random.randrange(5)}", str(random.randrange(3))
        if agent_id not in known:
            await records.agents.add(agent_id, "ann", state(name))
            known[agent_id] = [name]
        elif random.random() < 0.1:
            assert await records.agents.delete(agent_id)
            del known[agent_id]
        else:
            changed = await records.agents.change(agent_id, {"name": name}, "ann")
            if known[agent_id][-1] != name:
                known[agent_id].append(name)
            assert changed
            assert changed.versions == len(known[agent_id])
        found = {
            each.agent.id: each.agent.state.name for each in await records.agents.find([*known], [])
        }
        assert found == {each: history[-1] for each, history in known.items()}
    assert clock.now == START + timedelta(microseconds=300)
