"""Agents found for a user, once, at the start of a run."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from legato.agents.catalogue import MOST_AGENTS, Catalogue, check_model
from legato.agents.configured import configured_agents
from legato.agents.definition import Agent, Edge
from legato.agents.errors import AgentForbidden, InvalidAgent, NoSuchAgent
from legato.agents.permissions import principals_of, role_of, role_with
from legato.agents.state import AgentState
from legato.config import AgentSettings
from legato.models.contract import Json, ModelError
from legato.models.scripted import ScriptedModel
from legato.storage.contracts.agents import EDIT, OWNER, SHARE, VIEW, Grant, Principal
from legato.storage.contracts.records import Records
from legato.storage.open import open_records

TABLES = {
    "helper": AgentSettings(instructions="Help.", recursion_limit=3),
    "secret": AgentSettings(visible=("bob",), model="other"),
    "orphan": AgentSettings(model="gone"),
}


@pytest.fixture
async def records() -> AsyncIterator[Records]:
    async with open_records("memory://") as opened:
        yield opened


@pytest.fixture
def catalogue(records: Records) -> Catalogue:
    configured = configured_agents(TABLES, "scripted")
    return Catalogue(configured, records.agents, ["scripted", "other"], 10)


async def put(records: Records, name: str, *edges: Edge, user: str = "ann", **more: Any) -> str:
    state = AgentState(**{"name": name, "model": "scripted", "edges": edges, **more})
    return (await records.agents.add(f"agent_{name}", user, state)).id


def edge(origin: str, *target: str, direct: bool = False) -> Edge:
    return Edge(origin=origin, target=target, edge_type="direct" if direct else "handoff")


async def test_an_agent_is_resolved_with_all_that_its_edges_reach(
    catalogue: Catalogue, records: Records
) -> None:
    await put(records, "a", edge("agent_a", "agent_b", "helper"))
    await put(records, "b", edge("agent_b", "agent_c"), edge("agent_a", "agent_b"))
    await put(records, "c", edge("agent_c", "agent_a"), recursion_limit=99)
    agents = await catalogue.resolve("agent_a", "ann")

    assert [each.id for each in agents] == ["agent_a", "agent_b", "helper", "agent_c"]
    assert [each.version for each in agents] == [1, 1, 1, 1]
    assert [each.recursion_limit for each in agents] == [10, 10, 3, 10]


async def test_what_is_gone_hidden_or_without_a_model_is_left_out(
    catalogue: Catalogue, records: Records
) -> None:
    await put(records, "b", user="bob")
    await put(records, "a", edge("agent_a", "agent_b", "agent_gone", "secret", "orphan", "no"))

    assert [each.id for each in await catalogue.resolve("agent_a", "ann")] == ["agent_a"]
    assert [each.id for each in await catalogue.resolve("secret", "bob")] == ["secret"]


async def test_who_may_not_view_an_agent_cannot_run_it(
    catalogue: Catalogue, records: Records
) -> None:
    await put(records, "a")
    for agent_id, user, error in (
        ("agent_a", "bob", AgentForbidden),
        ("agent_x", "ann", NoSuchAgent),
        ("nobody", "ann", NoSuchAgent),
        ("secret", "ann", AgentForbidden),
    ):
        with pytest.raises(error):
            await catalogue.resolve(agent_id, user)
    await records.agents.share("agent_a", [Grant(Principal("role", "USER"), VIEW)])
    assert len(await catalogue.resolve("agent_a", "bob")) == 1


async def test_an_agent_whose_model_is_gone_is_refused_by_name(
    catalogue: Catalogue, records: Records
) -> None:
    await put(records, "a", model="gone")
    for agent_id in ("agent_a", "orphan"):
        with pytest.raises(InvalidAgent, match=r"the agent's model 'gone' is gone") as error:
            await catalogue.resolve(agent_id, "ann")

        assert error.value.field == "model"


async def test_a_cycle_that_two_made_at_once_is_found_at_the_start(
    catalogue: Catalogue, records: Records
) -> None:
    await put(records, "a", edge("agent_a", "agent_b", direct=True))
    await put(records, "b", edge("agent_b", "agent_a", direct=True))

    with pytest.raises(InvalidAgent, match="agent_a → agent_b → agent_a"):
        await catalogue.resolve("agent_a", "ann")


async def test_a_run_has_a_bounded_number_of_agents(catalogue: Catalogue, records: Records) -> None:
    for number in range(MOST_AGENTS + 5):
        await put(records, str(number), edge(f"agent_{number}", f"agent_{number + 1}"))
    fitting = await catalogue.resolve("agent_5", "ann")

    assert len(fitting) == MOST_AGENTS
    with pytest.raises(InvalidAgent, match="more than 32 agents"):
        await catalogue.resolve("agent_4", "ann")


async def test_a_run_has_a_bounded_size(catalogue: Catalogue, records: Records) -> None:
    targets = [f"agent_{number}" for number in range(3)]
    for number in range(3):
        await put(records, str(number), instructions="x" * 400_000)
    await put(records, "a", edge("agent_a", *targets[:2]))
    await put(records, "b", edge("agent_b", *targets))

    assert len(await catalogue.resolve("agent_a", "ann")) == 3
    with pytest.raises(InvalidAgent, match="1048576 are allowed"):
        await catalogue.resolve("agent_b", "ann")


async def test_edges_are_checked_when_an_agent_is_saved(
    catalogue: Catalogue, records: Records
) -> None:
    await put(records, "b", user="bob")
    fine = Agent(id="agent_a", version=1, name="", model="m", edges=(edge("agent_a", "helper"),))
    wrong = Agent(id="agent_a", version=1, name="", model="m", edges=(edge("agent_b", "agent_a"),))
    await catalogue.check_edges(fine, "ann")

    with pytest.raises(InvalidAgent, match="found 'agent_b', an agent you cannot view") as error:
        await catalogue.check_edges(wrong, "ann")
    assert error.value.field == "edges[0].from"


async def test_a_table_gives_an_agent_all_that_it_says(catalogue: Catalogue) -> None:
    table = AgentSettings(
        name="Ada",
        description="d",
        instructions="i",
        additional_instructions="more",
        parameters={"tokens": 1},
        tools=("now_mcp_clock",),
        end_after_tools=True,
        hide_sequential_outputs=True,
        category="science",
        conversation_starters=("Hi",),
    )
    (made,) = configured_agents({"ada": table}, "scripted").values()

    assert made.state == AgentState(
        name="Ada",
        description="d",
        instructions="i",
        additional_instructions="more",
        model="scripted",
        model_parameters={"tokens": 1},
        tools=("now_mcp_clock",),
        end_after_tools=True,
        hide_sequential_outputs=True,
        category="science",
        conversation_starters=("Hi",),
    )
    assert [each.name for each in catalogue.visible("ann")] == ["helper", "orphan"]


async def test_nobody_is_allowed_to_change_a_configured_agent(catalogue: Catalogue) -> None:
    with pytest.raises(AgentForbidden):
        await catalogue.allowed("helper", "ann", EDIT)


def test_roles_stand_for_bits() -> None:
    assert role_with(OWNER).id == "agent_owner"
    assert role_with(OWNER - SHARE).id == "agent_editor"
    assert role_with(VIEW).id == "agent_viewer"
    assert role_with(SHARE).id == "agent_viewer"
    editor = role_of("agent_editor")
    assert editor
    assert editor.bits == VIEW | EDIT
    assert role_of("root") is None
    assert [each.kind for each in principals_of("ann")] == ["user", "role", "public"]


class Toolless(ScriptedModel):
    """A model without tools."""

    def check(self, parameters: Mapping[str, Json]) -> None:
        if "tools" in parameters:
            raise ModelError("invalid_parameters", "tools is not taken")
        super().check(parameters)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"tools": ("now_mcp_clock",)}, "tools"),
        ({"edges": (Edge(origin="a", target="b"),)}, "edges"),
        ({"model_parameters": {"rate": -1}}, "model_parameters"),
    ],
)
def test_an_agent_whose_model_cannot_do_as_it_says_is_refused_by_the_field(
    fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidAgent) as refused:
        check_model(AgentState(model="m", **fields), Toolless())

    assert refused.value.field == field


def test_an_agent_without_tools_may_have_a_model_without_tools() -> None:
    direct = Edge(origin="a", target="b", edge_type="direct")

    check_model(AgentState(model="m", edges=(direct,)), Toolless())
    check_model(AgentState(model="m", tools=("now_mcp_clock",)), ScriptedModel())
