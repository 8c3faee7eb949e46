import pytest

from legato.content import ErrorPart, TextPart, UrlCitation
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


def test_logprobs_grow_with_the_text_and_a_fork_has_its_own() -> None:
    part = GrowingPart(TextPart("a"))
    part.grow("b")
    part.add_logprobs("1")
    assert part.read() == TextPart("ab", logprobs="1")
    part.add_logprobs("2")
    twin = part.fork()
    twin.add_logprobs("3")

    assert part.read() == TextPart("ab", logprobs="1,2")
    assert twin.read() == TextPart("ab", logprobs="1,2,3")


def test_annotations_are_counted_and_a_fork_has_its_own() -> None:
    a, b = UrlCitation("a"), UrlCitation("b")
    part = GrowingPart(TextPart("So", annotations=(a,)))
    assert part.annotate(b) == 1
    twin = part.fork()
    assert (part.annotate(a), twin.annotate(b)) == (2, 2)

    assert part.read() == TextPart("So", annotations=(a, b, a))
    assert twin.read() == TextPart("So", annotations=(a, b, b))


def test_an_error_does_not_grow() -> None:
    with pytest.raises(ValueError, match="does not grow"):
        extended(ErrorPart("no"), "more")
