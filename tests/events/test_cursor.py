import pytest
from hypothesis import given
from hypothesis import strategies as st

from legato.events import Cursor


@given(st.text("0123456789ABCDEF", min_size=1), st.integers(0, 10**15 - 1), st.integers(0, 10**14))
def test_a_cursor_comes_back_as_it_went(job_id: str, epoch: int, seq: int) -> None:
    cursor = Cursor(job_id, epoch, seq)

    assert Cursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize(
    "text",
    ["", "x", "J:1", "J:1:2:3", ":1:2", "J:-1:2", "J:1:+2", "J:1: 2", "J:1:٣", "J:1:" + "9" * 16],
)
def test_anything_else_is_no_cursor(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the message is the tuple's own in two cases
        Cursor.parse(text)
