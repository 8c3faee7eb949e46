"""An agent as a run has it."""

import pytest
from msgspec import ValidationError, json

from legato.agents.definition import Agent, Edge, labelled, reached, unlabelled
from legato.events import Queued
from legato.requests import TurnRequest


def test_an_agent_survives_the_journal() -> None:
    agent = Agent(
        id="agent_1",
        version=3,
        name="Ada",
        model="scripted",
        parameters={"tokens": 4},
        tools=("now_mcp_clock",),
        edges=(Edge(origin="agent_1", target=("agent_2", "agent_3"), edge_type="direct"),),
    )

    turn = TurnRequest(
        job_id="j",
        conversation_id="c",
        message_id="m",
        response_id="r",
        user="ann",
        model="scripted",
        agents=(agent,),
    )

    assert json.decode(json.encode(Queued(turn)), type=Queued) == Queued(turn)


def test_an_edge_is_spelled_as_librechat_spells_it() -> None:
    edge = json.decode(
        b'{"from":"a","to":["b","c"],"edgeType":"direct","promptKey":"x"}', type=Edge
    )

    assert edge.sources == ("a",)
    assert edge.targets == ("b", "c")
    assert json.decode(json.encode(edge)) == {
        "from": "a",
        "to": ["b", "c"],
        "edgeType": "direct",
        "promptKey": "x",
    }


@pytest.mark.parametrize("wrong", ['"to":[]', '"to":""', '"to":"b","promptKey":"a b"'])
def test_an_edge_to_nobody_or_with_a_key_that_no_tool_takes_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError):
        json.decode(f'{{"from":"a",{wrong}}}', type=Edge)


def test_the_system_prompt_has_the_additional_instructions_below() -> None:
    agent = Agent(id="a", version=1, name="", model="m", instructions="Be brief.")

    assert agent.prompt == "Be brief."
    assert Agent(id="a", version=1, name="", model="m").prompt == ""
    both = Agent(
        id="a", version=1, name="", model="m", instructions="1", additional_instructions="2"
    )
    assert both.prompt == "1\n\n2"


def test_the_agents_that_edges_name_are_each_named_once() -> None:
    edges = (Edge(origin="a", target=("b", "c")), Edge(origin=("b", "a"), target="d"))
    agent = Agent(id="a", version=1, name="", model="m", edges=edges)

    assert reached(agent) == ("b", "c", "d")


@pytest.mark.parametrize(
    ("name", "label", "short"),
    [
        ("now_mcp_clock", "clock", "now"),
        ("a_mcp_b_mcp_clock", "clock", "a_mcp_b"),
        ("get_action_a_example", "actions:a_example", "get"),
        ("lc_transfer_to_x_mcp_y", "agents", "lc_transfer_to_x_mcp_y"),
        ("roll", "functions", "roll"),
    ],
)
def test_a_tools_name_is_a_label_and_a_name_and_both_give_it_back(
    name: str, label: str, short: str
) -> None:
    assert labelled(name) == (label, short)
    assert unlabelled(label, short) == name
