"""The words of a text, as an index keeps them, and the terms of a query.  Pure.

The index of every storage has the same words, so every storage finds the same messages.  A word is
a run of letters and digits without case and without accents.  Scripts that are written without
spaces (Chinese, Japanese, Korean, Thai, Khmer, …) have no words to split at: of a run in such a
script each two neighbours are a word, and so is the last character alone.  An emoji is a word.
Everything else only separates words.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain, islice, zip_longest
from typing import Final, NamedTuple
from unicodedata import normalize

MOST_CHARACTERS: Final = 64 * 1024
"""Characters of a text that are searched, and …"""

MOST_WORDS: Final = 8192
"""… different words of a text, the first in order: a book of 64,000 characters has 5,000.  FTS5's
time is quadratic in words that were chosen to have one hash, and then 8,192 take 0.2 s."""

LONGEST: Final = 64
"""Characters of a word; the rest of a longer word, a digest or a key, is not looked at."""

_DENSE: Final = (
    "\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u303c\u3041-\u312f\u3131-\u318e\u31a0-\u31ff"
    "\u3400-\u4dbf\u4e00-\ua4cf\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
_INDIC: Final = "\u0900-\u0963\u0966-\u0dff"  # `re` takes no vowel sign for a letter
_LETTER: Final = f"[^\\W_{_DENSE}{_INDIC}]"
_MARKS: Final = (  # accents, points, and characters without a width
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    "\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u200b-\u200d\u2060\ufe00-\ufe0f\ufeff"
)
_SYMBOLS: Final = "\u2190-\u27bf\u2900-\u2bff\U0001f000-\U0001f3fa\U0001f400-\U0001faff"


def _run(of: str) -> str:
    return f"{of}+(?:[{_MARKS}]+{of}*)*"


@cache  # compiled for 10 ms, which no start of a server is to take
def _token() -> re.Pattern[str]:
    return re.compile(f"{_run(_LETTER)}|{_run(f'[{_DENSE}]')}|{_run(f'[{_INDIC}]')}|[{_SYMBOLS}]")


_ASCII: Final = re.compile("[a-z0-9]+")
_IS_DENSE: Final = re.compile(f"[{_DENSE}]")
# Besides marks: a compatible form may bring a space or a bracket into a word.
_NO_PART: Final = re.compile(f"[{_MARKS}\\x00-\\x2f:-`{{-\\x7f]+")


class Term(NamedTuple):
    """A word that has to be there: as a whole, or else as the beginning of a word."""

    word: str
    is_whole: bool = False


def words_of(text: str) -> Sequence[str]:
    """The different words at a text's beginning: see MOST_CHARACTERS and MOST_WORDS."""
    text = text[:MOST_CHARACTERS]
    if text.isascii():
        words: Iterable[str] = (each[:LONGEST] for each in _ASCII.findall(text.lower()))
    else:
        tokens = dict.fromkeys(_token().findall(text))
        words = chain.from_iterable(map(_words_of_token, tokens))
    return [*islice(_different(words), MOST_WORDS)]


def joined(words: Sequence[str]) -> str:
    """Words as a text with a space around each, in which `needle` looks for a term."""
    return f" {' '.join(words)} " if words else ""


def needle(term: Term) -> str:
    """The part of `joined` words that shows a term to be among the words."""
    return f" {term.word} " if term.is_whole else f" {term.word}"


def terms_of(query: str) -> Sequence[Term]:
    """The words of a query, all to be found, whatever stands between them.

    A letter or digit alone, an emoji, and two neighbours in a dense script are looked for as whole
    words, everything else as the beginning of a word.  No terms: the query has no word.
    """
    tokens = (folded(token) for token in _token().findall(query))
    return [*dict.fromkeys(term for token in tokens for term in _terms_of_token(token))]


def tokens_in(text: str) -> Iterator[re.Match[str]]:
    """The places of words in a text; in a dense script, of whole runs."""
    return _token().finditer(text, 0, MOST_CHARACTERS)


def folded(token: str) -> str:
    """A token without case and accents, and in the common form of compatible characters."""
    if token.isascii():
        return token.lower()[:LONGEST]
    if not is_dense(token):
        token = token[: 4 * LONGEST]  # with marks, which do not count
    plain = _NO_PART.sub("", normalize("NFKD", token).casefold())
    whole = normalize("NFC", plain)
    return whole if is_dense(whole) else whole[:LONGEST]


def is_dense(token: str) -> bool:
    """Whether a token is of a script that is written without spaces."""
    return _IS_DENSE.match(token) is not None


def _different(words: Iterable[str]) -> Iterator[str]:
    seen = set[str]()
    for word in words:
        if word not in seen:
            seen.add(word)
            yield word


def _words_of_token(token: str) -> Iterable[str]:
    word = folded(token)
    if is_dense(word):
        return map("".join, zip_longest(word, word[1:], fillvalue=""))
    return [word] if word else []


def _terms_of_token(token: str) -> Iterable[Term]:
    if not token:
        return []
    if not is_dense(token):
        return [Term(token, is_whole=len(token) == 1)]
    if len(token) == 1:
        return [Term(token)]
    return [Term(token[at : at + 2], is_whole=True) for at in range(len(token) - 1)]
