"""RFC 7239's `Forwarded`: the client of a proxy, in one header instead of three."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED: Final = r'"(?:[^"\\]|\\.)*+"'
_PLAIN: Final = r'[^\s",;]++'  # more than a token: many write addresses with ports unquoted
_PAIR: Final = re.compile(
    rf"[ \t]*+(?:(?P<name>{_TOKEN})=(?P<value>{_QUOTED}|{_PLAIN})[ \t]*+)?(?P<end>[;,]|\Z)"
)
_ESCAPED: Final = re.compile(r"\\(.)")


class MalformedForwarded(Exception):
    """The header cannot be read, or can be read in two ways."""


class Forwarded(Struct, frozen=True):
    """`hops`: each proxy's word about the sender, the nearest proxy's last; None without any.

    `scheme` and `host` are the nearest proxy's words, or empty.
    """

    hops: Sequence[str] | None = None
    scheme: str = ""
    host: str = ""


def parse_forwarded(headers: Sequence[str]) -> Forwarded:
    """Parse all `Forwarded` headers of a request, in order.

    Raises:
        MalformedForwarded: also for a quote without end, behind which a client could hide the
            proxy's own words.
    """
    elements = [element for header in headers for element in _elements(header)]
    if not elements:
        return Forwarded()
    hops = [element.get("for", "") for element in elements]
    nearest = elements[-1]
    return Forwarded(hops if any(hops) else None, nearest.get("proto", ""), nearest.get("host", ""))


def _elements(header: str) -> Iterator[Mapping[str, str]]:
    element: dict[str, str] = {}
    for pair in _pairs(header):
        if pair["name"]:
            name = pair["name"].lower()
            if name in element:
                raise MalformedForwarded(f"Forwarded says {name} twice of one hop")
            element[name] = _unquoted(pair["value"])
        if pair["end"] != ";" and element:
            yield element
            element = {}


def _pairs(header: str) -> Iterator[re.Match[str]]:
    at = 0
    while True:
        pair = _PAIR.match(header, at)
        if pair is None:
            raise MalformedForwarded(f"Forwarded cannot be read from character {at + 1} on")
        yield pair
        if not pair["end"]:
            return
        at = pair.end()


def _unquoted(value: str) -> str:
    return _ESCAPED.sub(r"\1", value[1:-1]) if value.startswith('"') else value
