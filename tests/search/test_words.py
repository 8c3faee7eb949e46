"""The words of texts, and the terms of queries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legato.search.words import (
    LONGEST,
    MOST_CHARACTERS,
    MOST_WORDS,
    Term,
    joined,
    needle,
    terms_of,
    words_of,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", set()),
        ("Lighthouse KEEPER's", {"lighthouse", "keeper", "s"}),
        ("snake_case, 3.14", {"snake", "case", "3", "14"}),
        ("Café cafe\u0301", {"cafe"}),
        ("Straße", {"strasse"}),
        ("ＡＢＣ ﬁn 𝐀b ⑴", {"abc", "fin", "ab", "1"}),
        ("検索する", {"検索", "索す", "する", "る"}),
        ("日本語abc", {"日本", "本語", "語", "abc"}),
        ("한국", {"한국", "국"}),
        ("हिन्दी", {"हिन्दी"}),
        ("مَرْحَبًا", {"مرحبا"}),
        ("👍🏽👨\u200d👩 ok", {"👍", "👨", "👩", "ok"}),
        ('"!?- \0\n', set()),
    ],
)
def test_a_text_has_these_words(text: str, words: set[str]) -> None:
    assert {*words_of(text)} == words


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("light", [Term("light")]),
        ("a light a", [Term("a", is_whole=True), Term("light")]),
        ('"light" OR -house*', [Term("light"), Term("or"), Term("house")]),
        ("検", [Term("検")]),
        ("検索す", [Term("検索", is_whole=True), Term("索す", is_whole=True)]),
        ("👍🏽", [Term("👍", is_whole=True)]),
        ("\"'()*^", []),
    ],
)
def test_a_query_looks_for_these_terms(query: str, terms: list[Term]) -> None:
    assert terms_of(query) == terms


def test_words_are_cut_and_a_text_is_searched_to_a_bound() -> None:
    assert words_of("x" * 1000) == ["x" * LONGEST]
    assert words_of("é" * 1000) == ["e" * LONGEST]
    assert words_of("a word, " * (MOST_CHARACTERS // 8) + "last") == ["a", "word"]
    assert words_of(" ".join(map(str, range(10_000)))) == [*map(str, range(MOST_WORDS))]


def test_each_word_is_there_once_in_order() -> None:
    assert words_of("b a B ä") == ["b", "a"]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_text_is_found_by_itself(text: str) -> None:
    found = joined(words_of(text))

    assert [term for term in terms_of(text) if needle(term) not in found] == []


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_word_has_what_a_query_language_reads(text: str) -> None:
    for word in words_of(text):
        assert word
        assert not set(word) & set(map(chr, range(0x30))) | set(word) & set(":;<=>?@[\\]^_`{|}~")
