"""The words of a part of a markdown text, without the marks.  Pure.

Code keeps all of its characters, and so does a mark that stands for itself, as in `2 * 3` and in
`snake_case`.  Nobody reads this as the text: a reader is to recognise the place.
"""

import re
from collections.abc import Iterator
from typing import Final

_FENCE: Final = r"^[ ]{0,3}(?:`{3,}|~{3,})[^\n]*(?:\n|\Z)"
_FENCES: Final = tuple(" " * indent + mark for mark in ("```", "~~~") for indent in range(4))
"""All that a fence's line may begin with."""

_TOKEN: Final = re.compile(
    rf"""
    (?P<fence> {_FENCE} )
    | (?P<ticks> `+ ) (?P<code> [^`\n]{{1,200}} ) (?P=ticks) (?!`)
    | (?P<rule> ^[ ]{{0,3}} (?: [-*_=] [ ]? ){{3,80}} $ )
    | (?P<row> ^[ ]{{0,3}} \| [^\n]{{0,400}} \| [ ]* $ )
    | (?P<line> ^[ ]{{0,3}} (?: \#{{1,6}} [ ]+ | >[ ]? | [-*+] [ ]+ (?: \[[ xX]\] [ ]+ )? ) )
    | !?\[ (?P<label> [^\]\n]{{0,200}} ) \]\( [^()\n]{{0,400}} \)
    | \\ (?P<escaped> [!-/:-@\[-`{{-~] )
    | (?P<delimiter> \*{{1,3}} | _{{1,3}} | ~~ )
    """,
    re.MULTILINE | re.VERBOSE,
)
_CELLS: Final = re.compile(r"[ ]*\|[ ]*")
_DIVIDER: Final = re.compile(r"[-:| ]+")
_REACH: Final = 300
"""Characters within which emphasis ends, to be emphasis."""


def plain_words(text: str, begin: int, end: int) -> str:
    """The part of `text` from `begin` to `end`, where lines begin and end, without marks."""
    pieces = _pieces(text, begin, end, is_code=_is_in_code(text, begin))
    return "".join(pieces)


def _is_in_code(text: str, place: int) -> bool:
    """Whether a fence before `place`, where a line begins, is still open."""
    # Not by the pattern, which takes 200 ms for 4 MiB of short lines, and holds up all others.
    fences = sum(text.count(f"\n{fence}", 0, place) for fence in _FENCES)
    return (fences + text.startswith(_FENCES, 0, place)) % 2 == 1


def _pieces(text: str, begin: int, end: int, *, is_code: bool) -> Iterator[str]:
    at, open_marks = begin, list[str]()
    for token in _TOKEN.finditer(text, begin, end):
        is_fence = token.lastgroup == "fence"
        if token.start() < at or (is_code and not is_fence):
            continue
        yield text[at : token.start()]
        at = token.end()
        if is_fence:
            is_code = not is_code
        else:
            yield _words_of(token, open_marks)
    yield text[at:end]


def _words_of(token: re.Match[str], open_marks: list[str]) -> str:
    """The words of a token that is no fence; `open_marks`: the emphasis that has not ended."""
    match token.lastgroup:
        case "code" | "escaped":
            return token[token.lastgroup]
        case "label":
            return plain_words(token["label"], 0, len(token["label"]))
        case "row":
            cells = _CELLS.sub(" ", token["row"])
            return "" if _DIVIDER.fullmatch(token["row"]) else plain_words(cells, 0, len(cells))
        case "delimiter":
            return _delimiter(token, open_marks)
        case _:
            return ""


def _delimiter(token: re.Match[str], open_marks: list[str]) -> str:
    """Nothing for a mark that begins or ends emphasis; any other mark stands for itself."""
    text, mark = token.string, token[0]
    before, after = text[token.start() - 1 : token.start()], text[token.end() : token.end() + 1]
    is_inside = before.isalnum() and after.isalnum()
    if is_inside and (mark not in open_marks or "_" in mark):
        return mark
    if mark in open_marks and not before.isspace():
        del open_marks[open_marks.index(mark) :]
        return ""
    ends = text.find(mark, token.end() + 1, token.end() + _REACH)
    if after and not after.isspace() and ends > 0 and not text[ends - 1].isspace():
        open_marks.append(mark)
        return ""
    return mark
