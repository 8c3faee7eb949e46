"""What every implementation of Actions promises."""

import pytest
from msgspec import structs

from legato.agents.state import AgentState
from legato.storage.contracts.actions import Action, SealedSecret, ToolTaken
from legato.storage.contracts.agents import (
    EDIT,
    Grant,
    Principal,
    StoredAgent,
    TooMany,
)
from legato.storage.contracts.errors import UnstorableText
from legato.storage.contracts.quotas import OverQuota, Quota
from legato.storage.contracts.records import Records
from legato.storage.open import open_records
from tests.support.storage.turns import START, SteppedClock

ANN, BOB = Principal("user", "ann"), Principal("user", "bob")
SEALED = SealedSecret("key-1", b"\x00sealed\xff")


def action(
    action_id: str = "a1",
    agent_id: str = "agent_1",
    *,
    tools: tuple[str, ...] = ("get_action_x",),
    **fields: object,
) -> Action:
    values = {"code": "x", "document": "{}", "compiled": "[]", "metadata": {"domain": "x"}}
    whole = {**values, **fields}
    return Action(id=action_id, agent_id=agent_id, tools=tools, **whole)  # type: ignore[arg-type]


async def agent(records: Records, agent_id: str = "agent_1", author: str = "ann") -> StoredAgent:
    state = AgentState(name="Ada", model="m", tools=("now_mcp_clock",))
    return await records.agents.add(agent_id, author, state)


async def current(records: Records, agent_id: str = "agent_1") -> StoredAgent:
    (found,) = await records.agents.find([agent_id], [])
    return found.agent


async def test_an_action_comes_back_as_it_was_given(records: Records) -> None:
    await agent(records)
    whole = action(
        document="openapi: 3.1.0 # é 🎼 '; DROP TABLE agents; --",
        compiled='{"a": 1}',
        metadata={"domain": "é", "auth": {"type": "none"}, "list": [1, None]},
        tools=("get_action_x", "put_action_x"),
        secret=SEALED,
    )
    put = await records.actions.put(whole, "bob")

    assert put is not None
    assert put[1].action == whole
    assert (put[1].created_at, put[1].updated_at, put[1].updated_by) == (START, START, "bob")
    assert await records.actions.find("agent_1", "a1") == whole
    assert [*await records.actions.of_agent("agent_1")] == [structs.replace(whole, document="")]
    (listed,) = await records.actions.page([ANN], EDIT, most=10_000)
    assert listed.action == structs.replace(whole, compiled="")
    assert listed.is_whole


async def test_of_an_action_that_was_never_put_there_is_nothing(records: Records) -> None:
    actions = records.actions

    assert await actions.put(action(), "ann") is None
    await agent(records)
    assert await actions.find("agent_1", "a1") is None
    assert [*await actions.of_agent("agent_1")] == []
    assert [*await actions.of_agent("agent_2")] == []
    assert not await actions.remove("agent_1", "a1", "ann")
    assert not await actions.remove("agent_2", "a1", "ann")
    assert not await actions.reseal("a1", SEALED, SEALED)
    assert (await current(records)).versions == 1


async def test_each_save_is_a_version_with_the_entry_and_the_chosen_tools(
    records: Records, clock: SteppedClock
) -> None:
    await agent(records)
    await records.actions.put(action(tools=("get_action_x", "put_action_x")), "ann")
    first = await current(records)
    clock.advance()
    put = await records.actions.put(
        action(code="y", tools=("get_action_y", "put_action_y")), "bob", tools=["get_action_y"]
    )
    again = await records.actions.put(
        action(code="y", tools=("get_action_y", "put_action_y")), "bob", tools=["get_action_y"]
    )

    assert first.state.actions == ("x_action_a1",)
    assert first.state.tools == ("now_mcp_clock", "get_action_x", "put_action_x")
    assert put
    assert put[0].state.actions == ("y_action_a1",)
    assert put[0].state.tools == ("now_mcp_clock", "get_action_y")
    assert (put[0].versions, put[0].updated_by) == (3, "bob")
    assert (put[1].created_at, put[1].updated_at) == (START, clock.now)
    assert again
    assert again[0].versions == 4
    assert [each.version for each in await records.agents.history("agent_1", most=0)] == [
        1,
        2,
        3,
        4,
    ]


async def test_a_removed_action_takes_its_tools_and_no_others(records: Records) -> None:
    await agent(records)
    await records.actions.put(action("a1", tools=("get_action_x",)), "ann")
    await records.actions.put(action("a2", code="y", tools=("get_action_y",)), "ann")

    assert await records.actions.remove("agent_1", "a1", "bob")
    found = await current(records)
    assert found.state.tools == ("now_mcp_clock", "get_action_y")
    assert found.state.actions == ("y_action_a2",)
    assert (found.versions, found.updated_by) == (4, "bob")
    assert await records.actions.find("agent_1", "a1") is None
    assert not await records.actions.remove("agent_1", "a1", "bob")


async def test_an_action_is_its_agents_alone(records: Records) -> None:
    await agent(records)
    await agent(records, "agent_2")
    await records.actions.put(action(), "ann")

    assert await records.actions.find("agent_2", "a1") is None
    assert not await records.actions.remove("agent_2", "a1", "ann")
    assert await records.agents.delete("agent_1")
    assert await records.actions.find("agent_1", "a1") is None
    assert [*await records.actions.page([ANN], EDIT, most=99)] == []


async def test_what_has_no_place_is_refused_and_changes_nothing(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    await agent(records)
    await records.actions.put(action("a0"), "ann")
    with pytest.raises(ToolTaken, match="another action of the agent has the tool get_action_x"):
        await records.actions.put(action("a1"), "ann")
    many = tuple(f"t{number}" for number in range(128))
    with pytest.raises(TooMany, match=r"would have 130 tools; 128 are allowed"):
        await records.actions.put(action("a1", tools=many), "ann")
    monkeypatch.setattr("legato.storage.agent_rules.MOST_ACTIONS", 1)
    with pytest.raises(TooMany, match="has 1 actions; 1 are allowed"):
        await records.actions.put(action("a1", tools=("t",)), "ann")
    with pytest.raises(UnstorableText):
        await records.actions.put(action("a0", metadata={"domain": "\ud800"}), "ann")

    assert (await current(records)).versions == 2
    assert [each.id for each in await records.actions.of_agent("agent_1")] == ["a0"]


async def test_an_agent_with_all_versions_takes_no_action(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    await agent(records)
    await records.actions.put(action(), "ann")
    monkeypatch.setattr("legato.storage.agent_rules.MOST_VERSIONS", 2)
    with pytest.raises(TooMany):
        await records.actions.put(action("a2", tools=("t",)), "ann")
    with pytest.raises(TooMany):
        await records.actions.remove("agent_1", "a1", "ann")

    assert [each.id for each in await records.actions.of_agent("agent_1")] == ["a1"]


async def test_an_action_without_room_is_refused(database_url: str, clock: SteppedClock) -> None:
    async with open_records(database_url, clock=clock, quota=Quota(size=5000)) as records:
        await agent(records)
        with pytest.raises(OverQuota):
            await records.actions.put(action(document="x" * 5000), "bob")

        assert (await current(records)).versions == 1
        assert [*await records.actions.of_agent("agent_1")] == []


async def test_a_list_has_the_actions_of_the_agents_that_one_may_edit(
    records: Records, clock: SteppedClock
) -> None:
    for agent_id, author in (("agent_1", "ann"), ("agent_2", "bob"), ("agent_3", "bob")):
        await agent(records, agent_id, author)
        clock.advance()
        document = agent_id * 10
        await records.actions.put(action(f"of {agent_id}", agent_id, document=document), author)
    await records.agents.share("agent_2", [Grant(ANN, 3)])
    await records.agents.share("agent_3", [Grant(ANN, 1)])

    async def listed(most: int = 1000, **query: str) -> list[tuple[str, int, bool]]:
        page = await records.actions.page([ANN], EDIT, most=most, **query)
        return [(each.action.id, len(each.action.document), each.is_whole) for each in page]

    assert await listed() == [("of agent_2", 70, True), ("of agent_1", 70, True)]
    assert await listed(100) == [("of agent_2", 70, True), ("of agent_1", 0, False)]
    assert await listed(agent_id="agent_1") == [("of agent_1", 70, True)]
    assert await listed(agent_id="agent_3") == []


async def test_secrets_of_other_keys_are_found_and_replaced_once(records: Records) -> None:
    await agent(records)
    for number in range(4):
        secret = SealedSecret(f"key-{number % 2}", bytes([number])) if number else None
        await records.actions.put(action(f"a{number}", tools=(f"t{number}",), secret=secret), "ann")
    found = await records.actions.sealed_otherwise("key-0", after="", limit=9)
    new = SealedSecret("key-0", b"new")

    assert [*found] == [("a1", SealedSecret("key-1", b"\1")), ("a3", SealedSecret("key-1", b"\3"))]
    assert [*await records.actions.sealed_otherwise("key-0", after="a1", limit=9)] == [found[1]]
    assert [*await records.actions.sealed_otherwise("key-0", after="", limit=1)] == [found[0]]
    assert await records.actions.reseal("a1", found[0][1], new)
    assert not await records.actions.reseal("a1", found[0][1], new)
    assert [*await records.actions.sealed_otherwise("key-0", after="", limit=9)] == [found[1]]
    changed = await records.actions.find("agent_1", "a1")
    assert changed
    assert changed.secret == new
    assert (await current(records)).versions == 5
