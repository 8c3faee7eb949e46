"""The tool by which a model asks the user."""

import pytest

from legato.agents.tools.ask_user import ASK_USER, AskUser, BuiltInToolbox
from legato.agents.tools.bounds import MOST_TEXT, NOTHING
from legato.agents.tools.contract import InputRequired, ToolOutput
from legato.models.contract import Json


async def test_a_question_is_asked_of_the_user_with_its_options() -> None:
    tool = AskUser()
    plain = await tool.call({"question": "Red?"}, "c")
    chosen = await tool.call({"question": "Red?", "options": ["Yes", "No"]}, "c")

    assert isinstance(plain, InputRequired)
    assert isinstance(chosen, InputRequired)
    assert plain.kind == "question"
    assert plain.requests == {"question": {"method": ASK_USER, "params": {"message": "Red?"}}}
    assert chosen.requests["question"] == {
        "method": ASK_USER,
        "params": {"message": "Red?", "options": ["Yes", "No"]},
    }


@pytest.mark.parametrize(
    ("answer", "output"),
    [
        ({"action": "accept", "content": "Blue."}, ToolOutput("Blue.")),
        ({"action": "accept", "content": 3}, ToolOutput("3")),
        ({"action": "accept", "content": {"a": True}}, ToolOutput('{"a":true}')),
        ({"action": "accept", "content": ""}, ToolOutput(NOTHING)),
        ({"action": "accept", "content": "x" * MOST_TEXT}, ToolOutput("x" * MOST_TEXT)),
        (
            {"action": "accept", "content": "x" * (MOST_TEXT + 7)},
            ToolOutput("x" * MOST_TEXT + "\n[cut: 7 bytes more]"),
        ),
        ({"action": "decline"}, ToolOutput("The user did not answer.", is_error=True)),
        (None, ToolOutput("The user did not answer.", is_error=True)),
    ],
)
async def test_the_answer_is_the_result(answer: Json, output: ToolOutput) -> None:
    asked = await AskUser().call({"question": "Red?"}, "c", answers={"question": answer})

    assert asked == output


async def test_it_needs_no_configuration() -> None:
    toolbox = BuiltInToolbox()
    offer = await toolbox.offer([ASK_USER], "ann")

    assert [tool.definition.name for tool in offer.tools] == [ASK_USER]
    assert toolbox.unknown([ASK_USER]) == {}
