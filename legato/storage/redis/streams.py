"""A job's stream: the whole truth about it.

The ids of its entries are `epoch-seq`, and Redis refuses one that is not above the stream's top:
what a former owner adds, whose epoch is lower, and all claims of an epoch but the first.

    E-0      a claim: who owns it from here on; of its very first owner, the listing with it
    E-n      events, the last of which is at position n
    E-(n+1)  the mark that it is settled

Fields: `o` owner, `l` listing, `s` the epoch in which it was settled, `v` version of the events'
form, `f` position of the first event, `e` the events.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from msgspec import MsgspecError, Struct, json

from legato.events import AnyEvent
from legato.storage.checks import json_of
from legato.storage.contract import Entries, Kept
from legato.storage.redis.commands import Command, StreamEntry, Word, add, unexpected
from legato.storage.replicas import Listing

VERSION: Final = 1
"""Of the form in which events are kept: a JSON array of them, as msgspec writes it."""

_EVENTS: Final = json.Decoder(tuple[AnyEvent, ...])
_LISTING: Final = json.Decoder(Listing)


class Own(Struct):
    """What a replica knows of a job of its own; `settled` is an epoch, 0 for not yet.

    `listing` is None for one that was never entered in the directory.
    """

    listing: Listing | None = None
    settled: int = 0


class Top(NamedTuple):
    """The last entry of a stream."""

    epoch: int
    seq: int
    owner: str
    settled: int


def top(entry: StreamEntry) -> Top:
    epoch, seq = entry.id.split(b"-")
    if b"o" not in entry.fields:
        raise unexpected(entry)
    owner, settled = entry.fields[b"o"].decode(), entry.fields.get(b"s", b"0")
    return Top(int(epoch), int(seq), owner, int(settled))


def claim(key: bytes, epoch: int, owner: str, own: Own, *, make: bool = False) -> Command:
    fields: dict[str, Word] = {"o": owner, **_settled(own)}
    if own.listing is not None:
        fields["l"] = encoded(own.listing)
    return add(key, f"{epoch}-0", fields, make=make)


def events(key: bytes, entries: Entries, owner: str, own: Own, *, make: bool = False) -> Command:
    """Raises UnstorableText where they cannot be kept."""
    position = entries.first + len(entries.events) - 1
    fields: dict[str, Word] = {
        "o": owner,
        "v": VERSION,
        "f": entries.first,
        "e": json_of(entries.events),
    }
    return add(key, f"{entries.epoch}-{position}", fields | _settled(own), make=make)


def mark(key: bytes, above: Top) -> Command:
    """That all is settled which stands below."""
    fields: dict[str, Word] = {"o": above.owner, "s": above.epoch}
    return add(key, f"{above.epoch}-{above.seq + 1}", fields)


def _settled(own: Own) -> dict[str, Word]:
    return {"s": own.settled} if own.settled else {}


def encoded(listing: Listing) -> bytes:
    """Raises UnstorableText where it cannot be kept."""
    return json_of(listing)


def decoded(listing: bytes) -> Listing:
    return _LISTING.decode(listing)


def listing(entry: StreamEntry) -> Listing | None:
    """Raises MsgspecError where this version cannot read it."""
    return decoded(entry.fields[b"l"]) if b"l" in entry.fields else None


def kept(job_id: str, stream: Iterable[StreamEntry]) -> Kept:
    """Its events, up to the first that cannot be read or are missing."""
    found: list[Entries] = []
    following = 1
    for entry in stream:
        if b"e" not in entry.fields:
            continue
        try:
            entries = _entries(job_id, entry)
        except (MsgspecError, ValueError, KeyError) as error:
            return Kept(found, f"its entries from {_first(entry)} on: {error}")
        if entries.first > following:
            return Kept(found, f"its entries from {following} on: they are not there")
        following = max(following, entries.first + len(entries.events))
        found.append(entries)
    return Kept(found)


def _entries(job_id: str, entry: StreamEntry) -> Entries:
    """Raises MsgspecError, ValueError or KeyError where this version cannot read it."""
    if (version := entry.fields[b"v"]) != str(VERSION).encode():
        raise ValueError(
            f"they are of form {version.decode('ascii', 'replace')};"
            f" this version of Legato knows {VERSION}"
        )
    epoch, first = top(entry).epoch, int(entry.fields[b"f"])
    return Entries(job_id, epoch, first, _EVENTS.decode(entry.fields[b"e"]))


def _first(entry: StreamEntry) -> str:
    return entry.fields.get(b"f", entry.id).decode("ascii", "replace")
