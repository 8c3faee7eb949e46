"""What a model reads of a question that nobody can be asked, and of an answer to one."""

from typing import Any

import pytest

from legato.agents.asks import UNASKED, unasked, without_call
from legato.agents.tools.bounds import MOST_TEXT, NOTHING
from legato.agents.tools.contract import InputRequired, ToolOutput
from legato.events import Answered


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({"params": {"message": "Red?"}}, [UNASKED, "Red?"]),
        ({"params": {"message": 7}}, [UNASKED]),
        ({"params": "x"}, [UNASKED]),
        ("x", [UNASKED]),
    ],
)
def test_the_model_reads_a_question_to_put_into_the_answer(request_: Any, told: list[str]) -> None:
    assert unasked(InputRequired({"a": request_})) == "\n".join(told)


@pytest.mark.parametrize(
    ("value", "read"),
    [("4", "4"), ({"a": 1}, '{"a":1}'), ("", NOTHING), ("x" * (MOST_TEXT + 1), None)],
)
def test_a_result_in_place_of_a_call_is_bounded_and_never_empty(
    value: Any, read: str | None
) -> None:
    said = Answered(ask_id="a", decision="answer", value=value)
    expected = read or "x" * MOST_TEXT + "\n[cut: 1 bytes more]"

    assert without_call(said) == ToolOutput(expected)
