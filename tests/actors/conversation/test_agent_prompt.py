"""The answering agent's part of a turn's request to the model."""

from legato.actors.conversation.agent_prompt import (
    answering,
    parameters,
    prompt_of_agent,
    sender,
)
from legato.actors.conversation.turn import Turn, turn_of, without_prompt
from legato.agents.definition import Agent
from legato.content import Answering

AGENT = Agent(
    id="agent_1",
    version=3,
    name="Ada",
    model="scripted",
    instructions="Be brief.",
    parameters={"temperature": 0, "seed": 1},
)


def turn(*agents: Agent, said: str | None = None) -> Turn:
    return Turn(
        job_id="j",
        conversation_id="c",
        message_id="m",
        response_id="r",
        user="ann",
        model="scripted",
        instructions=said,
        parameters={"temperature": 1, "stop": "x"},
        agents=agents,
    )


def test_a_bare_model_answers_under_its_own_name() -> None:
    bare = turn(said="Rhyme.")

    assert (sender(bare), answering(bare), prompt_of_agent(bare)) == ("scripted", None, "")
    assert parameters(bare) == {"temperature": 1, "stop": "x"}


def test_an_agent_answers_under_its_name_and_its_parameters_count() -> None:
    asked = turn(AGENT, said="Rhyme.")

    assert (sender(asked), answering(asked)) == ("Ada", Answering("agent_1", 3))
    assert prompt_of_agent(asked) == "Be brief."
    assert parameters(asked) == {"temperature": 0, "seed": 1, "stop": "x"}


def test_a_turn_that_has_ended_lets_go_of_its_agents() -> None:
    assert without_prompt(turn(AGENT)).agents == ()
    assert turn_of(turn(AGENT)).agents == (AGENT,)
