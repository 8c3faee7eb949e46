"""Questions that nobody can be asked."""

from typing import Any

import pytest

from legato.agents.asks import UNASKED, unasked
from legato.agents.tools.contract import InputRequired


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
