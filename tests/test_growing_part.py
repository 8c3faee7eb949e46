import pytest

from legato.content import ErrorPart, TextPart
from legato.growing_part import JOIN_EVERY, GrowingPart, extended


def test_a_fork_grows_by_itself() -> None:
    part = GrowingPart(TextPart("a"))
    for _ in range(JOIN_EVERY + 1):
        part.grow("b")
    twin = part.fork()
    part.grow("c")
    twin.grow("d")

    grown = "a" + "b" * (JOIN_EVERY + 1)
    assert (part.read(), twin.read()) == (TextPart(f"{grown}c"), TextPart(f"{grown}d"))


def test_what_was_read_grows_on() -> None:
    part = GrowingPart(TextPart("a"))
    part.grow("b")
    part.read()
    part.grow("c")

    assert part.read() == TextPart("abc")


def test_an_error_does_not_grow() -> None:
    with pytest.raises(ValueError, match="does not grow"):
        extended(ErrorPart("no"), "more")
