"""A stored answer, and an answer under way, as a model reads them."""

import pytest

from legato.agents.messages import begun, messages_in
from legato.content import (
    AgentUpdate,
    AgentUpdatePart,
    Part,
    SteerPart,
    TextPart,
    ThinkPart,
    ToolCall,
    ToolCallPart,
)

DONE = ToolCallPart(ToolCall("c", "roll", "{}", output="4"))


def words(text: str) -> SteerPart:
    return SteerPart(steer=text, steer_id=text)


@pytest.mark.parametrize(
    ("content", "read"),
    [
        (
            (TextPart("One."), words("Two?"), TextPart("Three.")),
            [("assistant", "One."), ("user", "Two?"), ("assistant", "Three.")],
        ),
        ((words("First."), TextPart("Yes.")), [("user", "First."), ("assistant", "Yes.")]),
        ((TextPart("Yes."), words("Last.")), [("assistant", "Yes."), ("user", "Last.")]),
        ((words("a"), words("b")), [("user", "a"), ("user", "b")]),
        (
            (words("a"), TextPart("b"), words("c"), DONE),
            [
                *(("user", "a"), ("assistant", "b"), ("user", "c")),
                *(("assistant", ""), ("tool", "4")),
            ],
        ),
        (
            (words("a"), AgentUpdatePart(AgentUpdate(1, "r", "poet")), TextPart("b")),
            [("user", "a"), ("assistant", "b")],
        ),
        ((AgentUpdatePart(AgentUpdate(0, "r", "poet")), TextPart("b")), [("assistant", "b")]),
    ],
)
def test_a_steer_stands_where_the_model_read_it(
    content: tuple[Part, ...], read: list[tuple[str, str]]
) -> None:
    assert [(each.role, each.text) for each in messages_in(content)] == read


def test_an_answer_under_way_has_its_texts_and_the_steers_between() -> None:
    content = (words("a"), ThinkPart("hm"), TextPart("b"), TextPart("c"), words("d"))

    assert [(each.role, each.text) for each in begun(content)] == [
        ("user", "a"),
        ("assistant", "bc"),
        ("user", "d"),
    ]
