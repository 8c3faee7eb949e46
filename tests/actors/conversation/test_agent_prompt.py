"""What a turn's model is given of the agent that answers."""

import pytest

from legato.actors.conversation.agent_prompt import (
    answering,
    instructed,
    instructions,
    parameters,
    sender,
)
from legato.actors.conversation.turn import Turn, turn_of, without_prompt
from legato.agents.definition import Agent
from legato.content import Answering
from legato.models.contract import ChatMessage

AGENT = Agent(
    id="agent_1",
    version=3,
    name="Ada",
    model="scripted",
    instructions="Be brief.",
    parameters={"temperature": 0, "seed": 1},
)
HI = ChatMessage("user", "Hi")


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


def test_a_bare_model_is_given_what_the_caller_says() -> None:
    bare = turn(said="Rhyme.")

    assert (sender(bare), answering(bare), instructions(bare)) == ("scripted", None, "Rhyme.")
    assert parameters(bare) == {"temperature": 1, "stop": "x"}
    assert instructed([HI], bare) == (HI,)
    assert instructions(turn()) == ""


def test_an_agents_word_comes_first_and_counts() -> None:
    asked = turn(AGENT, said="Rhyme.")

    assert (sender(asked), answering(asked)) == ("Ada", Answering("agent_1", 3))
    assert instructions(asked) == "Be brief.\n\nRhyme."
    assert parameters(asked) == {"temperature": 0, "seed": 1, "stop": "x"}


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([HI], [ChatMessage("system", "Be brief."), HI]),
        ([], [ChatMessage("system", "Be brief.")]),
        (
            [ChatMessage("system", "Rhyme."), HI],
            [ChatMessage("system", "Be brief.\n\nRhyme."), HI],
        ),
    ],
)
def test_an_apis_messages_begin_with_the_agents_instructions(
    messages: list[ChatMessage], expected: list[ChatMessage]
) -> None:
    silent = Agent(id="a", version=1, name="", model="scripted")

    assert [*instructed(messages, turn(AGENT))] == expected
    assert [*instructed(messages, turn(silent))] == messages


def test_a_turn_that_has_ended_lets_go_of_its_agents() -> None:
    assert without_prompt(turn(AGENT)).agents == ()
    assert turn_of(turn(AGENT)).agents == (AGENT,)
