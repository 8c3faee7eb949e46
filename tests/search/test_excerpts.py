"""Excerpts: the text around the words found, with the words marked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legato.search.excerpts import LENGTH, excerpt_of
from legato.search.words import joined, needle, terms_of, words_of


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


MARKDOWN = [
    ("A **bold** word, *slanted* and ~~gone~~", "word", "A bold [word], slanted and gone"),
    ("A **bold** word", "bold", "A [bold] word"),
    ("___all___ of **one *in* other**", "in", "all of one [in] other"),
    ("**bo**ld", "ld", "**bo**[ld]"),
    ("## A heading ##\n\n> quoted", "quoted", "A heading ## [quoted]"),
    ("- one\n* [x] two\n1. three\n\n---\n", "two", "one [two] 1. three "),
    ("| a | **b** |\n|---|--:|\n| cell | 12 |", "cell", " a b [cell] 12 "),
    ("see [the *docs*](http://a.b/c_d) and ![a map](x.png)", "docs", "see the [docs] and a map"),
    ("see [the docs](http://a.b/needle)", "needle", "see [the docs](http://a.b/[needle])"),
    ("`a ** b` and ``c``", "b", "a ** [b] and c"),
    ("```py\n# **no**\nx = d_e_f ** 2\n```\n**after**", "no", "# **[no]** x = d_e_f ** 2 after"),
    ("2 * 3 * 4, snake_case_name, a*b*c", "snake", "2 * 3 * 4, [snake]_case_name, a*b*c"),
    ("call it with **kwargs", "kwargs", "call it with **[kwargs]"),
    (r"\*not\* slanted, a \\ b", "not", r"*[not]* slanted, a \ b"),
    ("**nothing** is found", "absent", "nothing is found"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "query", "excerpt"), MARKDOWN)
def test_marks_of_markdown_are_left_out(text: str, query: str, excerpt: str) -> None:
    assert marked(text, query) == excerpt


def test_code_is_known_for_code_however_far_above_it_begins() -> None:
    text = "```\n" + "x = 1 # a line\n" * 200 + "y = **needle**\n```\nand **after**"

    assert marked(text, "needle").endswith("# a line y = **[needle]** and after")


ORDINARY = st.text(st.characters(exclude_characters="#*_~`|[]()!<>\\-+="))


@given(ORDINARY, st.text(max_size=5))
def test_an_excerpt_is_a_part_of_the_text(text: str, query: str) -> None:
    pieces = excerpt_of(text, terms_of(query))
    shown = "".join(piece.text for piece in pieces)

    assert len(shown) <= LENGTH + 2
    assert "".join(shown.strip("…").split()) in "".join(text.split())
    assert all(piece.text for piece in pieces)


@given(st.text("ab \n#*_~`|[]()!->\\1."), st.sampled_from(["a", "b", "ab", "1"]))
def test_only_marks_are_left_out_and_no_word_found_is_lost(text: str, query: str) -> None:
    pieces = excerpt_of(text, terms_of(query))
    shown = "".join(piece.text for piece in pieces).strip("…")

    rest = iter(text)
    assert all(each in rest for each in "".join(shown.split())), "in the order of the text"
    is_found = needle(*terms_of(query)) in joined(words_of(text))
    assert any(piece.marked for piece in pieces) is is_found
