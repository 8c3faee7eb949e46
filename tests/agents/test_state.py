"""An agent as people write it."""

import pytest

from legato.agents.definition import DEFAULT_RECURSION_LIMIT, Agent, Edge
from legato.agents.state import AgentState, agent_of, is_same

EDGES = (Edge(origin="a", target="b"), Edge(origin="a", target="c"))


def test_a_run_holds_what_the_state_says() -> None:
    state = AgentState(
        name="Ada",
        description="not for the run",
        model="scripted",
        model_parameters={"tokens": 4},
        instructions="Be brief.",
        additional_instructions="Be kind.",
        tools=("now_mcp_clock",),
        recursion_limit=3,
        edges=EDGES,
        end_after_tools=True,
        hide_sequential_outputs=True,
    )

    assert agent_of(state, "agent_1", 4) == Agent(
        id="agent_1",
        version=4,
        name="Ada",
        model="scripted",
        parameters={"tokens": 4},
        instructions="Be brief.",
        additional_instructions="Be kind.",
        tools=("now_mcp_clock",),
        recursion_limit=3,
        edges=EDGES,
        end_after_tools=True,
        hide_sequential_outputs=True,
    )


def test_an_agent_without_a_name_is_called_by_its_id() -> None:
    agent = agent_of(AgentState(model="scripted"), "agent_1", 1)

    assert (agent.name, agent.recursion_limit) == ("agent_1", DEFAULT_RECURSION_LIMIT)


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"tools": ("b", "a"), "edges": EDGES[::-1]}, True),
        ({"model_parameters": {"stop": ["y", "x"], "n": {"k": 1}}}, True),
        ({"tools": ("a",)}, False),
        ({"tools": ("a", "b", "b")}, False),
        ({"model_parameters": {"stop": ["x", "z"], "n": {"k": 1}}}, False),
        ({"name": "Bea"}, False),
    ],
)
def test_the_order_in_a_list_is_no_difference(changes: dict[str, object], same: bool) -> None:
    fields: dict[str, object] = {
        "name": "Ada",
        "model": "m",
        "tools": ("a", "b"),
        "edges": EDGES,
        "model_parameters": {"stop": ["x", "y"], "n": {"k": 1}},
    }
    one, other = AgentState(**fields), AgentState(**{**fields, **changes})  # type: ignore[arg-type]

    assert is_same(one, other) is same
