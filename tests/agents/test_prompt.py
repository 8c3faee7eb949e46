"""What a model reads on an agent's behalf."""

import pytest

from legato.agents.prompt import prompted
from legato.models.contract import ChatMessage, ModelRequest
from tests.support.agents import agent

TEXT = ChatMessage("assistant", "Let me.", thoughts="Hm. ")
CALLS = ChatMessage("assistant", None, {"tool_calls": [{"id": "c"}]}, "So.")
RESULT = ChatMessage("tool", "done", {"tool_call_id": "c"})


@pytest.mark.parametrize(
    ("above", "below"),
    [
        ([ChatMessage("user", "Hi")], [CALLS, RESULT]),
        ([CALLS], [CALLS, RESULT]),
        ([TEXT], [ChatMessage("assistant", "Now.", CALLS.more), RESULT]),
        ([TEXT], []),
    ],
)
def test_messages_of_two_answers_stay_apart(
    above: list[ChatMessage], below: list[ChatMessage]
) -> None:
    asked = prompted(agent("helper"), ModelRequest((*above,)), below, ())

    assert [*asked.messages] == [*above, *below]


def test_calls_of_an_earlier_answer_are_one_message_with_its_text() -> None:
    asked = prompted(agent("helper"), ModelRequest((TEXT,)), [CALLS, RESULT], ())

    assert [*asked.messages] == [
        ChatMessage("assistant", "Let me.", CALLS.more, "Hm. So."),
        RESULT,
    ]
