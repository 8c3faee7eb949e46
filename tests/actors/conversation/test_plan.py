from typing import Any

import pytest

from legato.actors.conversation.plan import InvalidTurn, Plan, plan
from legato.actors.conversation.turn import Turn
from legato.content import (
    NO_PARENT,
    ErrorPart,
    Message,
    Part,
    TextPart,
    ThinkPart,
    ToolCall,
    ToolCallPart,
)
from legato.requests import Edit

C = "11111111-1111-4111-8111-111111111111"


def turn(**fields: Any) -> Turn:
    given = {
        "job_id": "J",
        "conversation_id": C,
        "message_id": "new-question",
        "response_id": "new-answer",
        "user": "ann",
        "model": "m",
        "text": "and then?",
    }
    return Turn(**(given | fields))


def question(message_id: str, parent: str = NO_PARENT) -> Message:
    return Message(
        message_id=message_id, conversation_id=C, parent_message_id=parent, text=message_id
    )


def answer(message_id: str, parent: str, *parts: Part) -> Message:
    return Message(
        message_id=message_id,
        conversation_id=C,
        parent_message_id=parent,
        is_created_by_user=False,
        content=parts,
    )


CALL = ToolCallPart(ToolCall("id", "search"))
THREAD = [
    question("q1"),
    answer("a1", "q1", ThinkPart("hm"), TextPart("one"), CALL, ErrorPart("oops")),
]


def test_a_turn_follows_the_newest_message() -> None:
    assert plan(turn(), THREAD).request.parent_message_id == "a1"
    assert plan(turn(), []).request.parent_message_id == NO_PARENT


def test_a_turn_follows_the_parent_it_names() -> None:
    for parent in ("q1", "a1", NO_PARENT):
        assert plan(turn(parent_id=parent), THREAD).request.parent_message_id == parent


def test_a_parent_that_is_still_being_made_is_expected() -> None:
    waiting = turn(parent_id="a2")

    assert plan(waiting, THREAD, expected=["a2"]).request.parent_message_id == "a1"
    with pytest.raises(InvalidTurn, match="no message 'a2'") as caught:
        plan(waiting, THREAD)
    assert caught.value.field == "parentMessageId"


def test_regenerating_keeps_the_question() -> None:
    assert plan(turn(regenerate="q1", text=""), THREAD) == Plan(THREAD[0])
    assert plan(turn(regenerate="q1", text="else"), THREAD).request.text == "else"


def test_continuing_keeps_the_answer_without_its_error() -> None:
    assert plan(turn(revise="a1"), THREAD) == Plan(
        THREAD[0], (ThinkPart("hm"), TextPart("one"), CALL)
    )


@pytest.mark.parametrize(
    ("edit", "kept"),
    [
        (Edit(0, "so"), (ThinkPart("so"),)),
        (Edit(1, "two"), (ThinkPart("hm"), TextPart("two"))),
    ],
)
def test_an_edit_replaces_a_part_and_drops_what_followed(edit: Edit, kept: Any) -> None:
    assert plan(turn(revise="a1", edit=edit), THREAD).kept == kept


def test_an_answer_of_plain_text_can_go_on() -> None:
    plain = Message(
        message_id="a",
        conversation_id=C,
        parent_message_id="q1",
        is_created_by_user=False,
        text="t",
    )

    assert plan(turn(revise="a"), [*THREAD, plain]).kept == (TextPart("t"),)
    assert plan(turn(revise="e"), [*THREAD, answer("e", "q1")]).kept == ()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"regenerate": "a1"}, "overrideParentMessageId"),
        ({"regenerate": "nix"}, "overrideParentMessageId"),
        ({"revise": "q1"}, "responseMessageId"),
        ({"revise": "nix"}, "responseMessageId"),
        ({"revise": "orphan"}, "responseMessageId"),
        ({"revise": "a1", "edit": Edit(2, "")}, "editedContent.index"),
        ({"revise": "a1", "edit": Edit(3, "")}, "editedContent.index"),
        ({"revise": "a1", "edit": Edit(-1, "")}, "editedContent.index"),
    ],
)
def test_what_does_not_fit_the_conversation_is_named(fields: Any, field: str) -> None:
    with pytest.raises(InvalidTurn) as caught:
        plan(turn(**fields), [*THREAD, answer("orphan", "gone", TextPart("x"))])

    assert caught.value.field == field
