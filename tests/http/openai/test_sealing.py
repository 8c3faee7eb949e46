"""A sealed text comes back unchanged, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legato.http.openai.responses.sealing import Seal, Unsealable


@given(st.text(), st.text())
def test_what_was_sealed_for_a_user_is_opened_for_that_user(text: str, user: str) -> None:
    seal = Seal("secret")
    closed = seal.close(text, user)
    assert Seal("secret").open(closed, user) == text
    with pytest.raises(Unsealable):
        seal.open(closed, user + "x")
    with pytest.raises(Unsealable):
        Seal("another").open(closed, user)


@given(st.text())
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Unsealable):
        Seal("secret").open(text, "ann")
