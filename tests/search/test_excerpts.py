"""Excerpts: the text around the words found, with the words marked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legato.search.excerpts import LENGTH, excerpt_of
from legato.search.words import terms_of


def marked(text: str, query: str) -> str:
    """The excerpt, with brackets around what is marked."""
    pieces = excerpt_of(text, terms_of(query))
    return "".join(f"[{piece.text}]" if piece.marked else piece.text for piece in pieces)


@pytest.mark.parametrize(
    ("text", "query", "excerpt"),
    [
        ("The Lighthouse keeper", "keep LIGHT", "The [Light]house [keep]er"),
        ("a cat sat at a", "a", "[a] cat sat at [a]"),
        ("Une crème brûlée", "creme", "Une [crème] brûlée"),
        ("Une cre\u0300me!", "cre", "Une [cre\u0300me]!"),
        ("Straße", "stras", "[Straße]"),
        ("東京都の天気", "京都の", "東[京都の]天気"),
        ("東京都の天気", "気", "東京都の天[気]"),
        ("well 👍🏽 done", "👍", "well [👍]🏽 done"),
        ("one\n\n  two", "two", "one [two]"),
        ("nothing here", "absent", "nothing here"),
        ("", "absent", ""),
    ],
)
def test_words_are_marked(text: str, query: str, excerpt: str) -> None:
    assert marked(text, query) == excerpt


def test_an_excerpt_begins_before_the_first_word_found() -> None:
    text = "many words before " * 50 + "the needle " + "and after " * 50
    excerpt = marked(text, "needle")

    assert excerpt.startswith("…words before many words before the [needle] and")
    assert excerpt.endswith("…")
    assert len(excerpt) <= LENGTH + len("……[]")


def test_an_excerpt_of_a_text_without_spaces_is_short_too() -> None:
    excerpt = marked("漢" * 1000 + "字" + "漢" * 1000, "漢字")

    assert "[漢字]" in excerpt or "字]" in excerpt
    assert len(excerpt) < 2 * LENGTH


@given(st.text(), st.text(max_size=5))
def test_an_excerpt_is_a_part_of_the_text(text: str, query: str) -> None:
    pieces = excerpt_of(text, terms_of(query))
    shown = "".join(piece.text for piece in pieces)

    assert len(shown) <= LENGTH + 2
    assert "".join(shown.strip("…").split()) in "".join(text.split())
    assert all(piece.text for piece in pieces)
