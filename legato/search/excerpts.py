"""The part of a text around the words that were looked for, with these words marked.  Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from legato.search.plain_words import plain_words
from legato.search.words import Term, folded, is_dense, tokens_in

BEFORE: Final = 40
"""Characters before the first word that is marked: a sidebar's line has about as many, and …"""

LENGTH: Final = 200
"""… characters of the whole: three or four lines."""

REACH: Final = 1024
"""Characters before and after the first word that are looked at for marks."""

_SPACE: Final = re.compile(r"\s+")
_BLANK: Final = re.compile(r"\s")


class Piece(Struct, frozen=True, omit_defaults=True):
    text: str
    marked: bool = False


Place = tuple[int, int]
"""Where a marked word is in a text: the first character, and the character after the last."""


def excerpt_of(text: str, terms: Sequence[Term]) -> Sequence[Piece]:
    """About LENGTH characters of `text` from the first term found, or from the beginning.

    Marks of markdown are left out, unless a term is found in nothing else, as in a link's address.
    A run of blanks is a single space, and `…` stands for what is left out.
    """
    first = next(_marks(text, terms), None)
    begin, end = _lines_around(text, 0 if first is None else first[0])
    part = plain_words(text, begin, end)
    if first is not None and next(_marks(part, terms), None) is None:
        part = text[begin:end]
    return _cut(part, terms, is_begin=begin == 0, is_end=end == len(text))


def _lines_around(text: str, place: int) -> Place:
    """The lines around a place, more than an excerpt shows; of a long line a part."""
    earliest, latest = max(0, place - REACH), min(len(text), place + REACH)
    begin = text.find("\n", earliest, place - LENGTH) + 1 if earliest else 0
    end = text.rfind("\n", place + 2 * LENGTH, latest)
    return begin or earliest, latest if end < 0 else end


def _cut(part: str, terms: Sequence[Term], *, is_begin: bool, is_end: bool) -> Sequence[Piece]:
    """The excerpt of a part.  `is_begin`, `is_end`: nothing of the text is before, or after, it."""
    first = next(_marks(part, terms), (0, 0))
    begin = _word_begin(part, max(0, first[0] - BEFORE))
    end = begin + LENGTH
    shown = part[begin:end]
    before = "" if is_begin and begin == 0 else "…"
    after = "" if is_end and end >= len(part) else "…"
    pieces = [Piece(before), *_pieces(shown, _marks(shown, terms)), Piece(after)]
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
