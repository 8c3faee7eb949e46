"""The answering agent of a turn, and what the log has of the turn."""

from legato.actors.conversation.turn import Turn
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

    assert (bare.sender, bare.answering, bare.agent_prompt) == ("scripted", None, "")
    assert bare.first_parameters == {"temperature": 1, "stop": "x"}


def test_an_agent_answers_under_its_name_and_its_parameters_count() -> None:
    asked = turn(AGENT, said="Rhyme.")

    assert (asked.sender, asked.answering) == ("Ada", Answering("agent_1", 3))
    assert asked.agent_prompt == "Be brief."
    assert asked.first_parameters == {"temperature": 0, "seed": 1, "stop": "x"}


def test_a_turn_that_has_ended_lets_go_of_its_agents() -> None:
    assert turn(AGENT).without_prompt().agents == ()
    assert Turn.of(turn(AGENT)).agents == (AGENT,)
