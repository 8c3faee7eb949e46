"""The part of a text around the words that were looked for, with these words marked.  Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from legato.search.words import Term, folded, is_dense, tokens_in

BEFORE: Final = 40
"""Characters before the first word that is marked: a sidebar's line has about as many, and …"""

LENGTH: Final = 200
"""… characters of the whole: three or four lines."""

_SPACE: Final = re.compile(r"\s+")
_BLANK: Final = re.compile(r"\s")


class Piece(Struct, frozen=True, omit_defaults=True):
    text: str
    marked: bool = False


Place = tuple[int, int]
"""Where a marked word is in a text: the first character, and the character after the last."""


def excerpt_of(text: str, terms: Sequence[Term]) -> Sequence[Piece]:
    """About LENGTH characters of `text` from the first term found, or from the beginning.

    A run of blanks is a single space, and `…` stands for what is left out.
    """
    first = next(_marks(text, terms), (0, 0))
    begin = _word_begin(text, max(0, first[0] - BEFORE))
    end = begin + LENGTH
    part = text[begin:end]
    before, after = "…" if begin else "", "…" if end < len(text) else ""
    pieces = [Piece(before), *_pieces(part, _marks(part, terms)), Piece(after)]
    return [piece for piece in pieces if piece.text]


def _word_begin(text: str, place: int) -> int:
    """A place soon after `place` where a word begins; `place` itself in a text without spaces."""
    if place == 0:
        return 0
    blank = _BLANK.search(text, place, place + BEFORE // 2)
    return place if blank is None else blank.end()


def _marks(text: str, terms: Sequence[Term]) -> Iterator[Place]:
    """The places of terms in a text, in order; two never overlap."""
    for match in tokens_in(text):
        token, word = match.group(), folded(match.group())
        for begin, end in _places_in(word, terms):
            if len(token) == len(word):
                yield match.start() + begin, match.start() + end
            else:  # an accent that stands apart: the whole word
                yield match.span()
                break


def _places_in(word: str, terms: Sequence[Term]) -> Sequence[Place]:
    """The places of terms in a folded token."""
    if is_dense(word):
        return _joined([place for term in terms for place in _all(word, term.word)])
    return _joined([(0, len(term.word)) for term in terms if _begins(word, term)])


def _begins(word: str, term: Term) -> bool:
    return word == term.word if term.is_whole else word.startswith(term.word)


def _joined(places: Sequence[Place]) -> Sequence[Place]:
    """The places in order; those that touch are a single place."""
    joined: list[Place] = []
    for begin, end in sorted(places):
        if joined and begin <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((begin, end))
    return joined


def _all(word: str, part: str) -> Iterator[Place]:
    at = word.find(part)
    while at >= 0:
        yield at, at + len(part)
        at = word.find(part, at + 1)


def _pieces(text: str, places: Iterable[Place]) -> Iterator[Piece]:
    at = 0
    for begin, end in places:
        if begin > at:
            yield Piece(_spaced(text[at:begin]))
        yield Piece(_spaced(text[begin:end]), marked=True)
        at = end
    if at < len(text):
        yield Piece(_spaced(text[at:]))


def _spaced(text: str) -> str:
    return _SPACE.sub(" ", text)
