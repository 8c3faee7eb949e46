"""A job's stream: the whole truth about the job.

The ids of entries are `epoch-seq`, and Redis refuses an id that is not above the stream's top: a
former owner, whose epoch is lower, cannot add.

    E-0      a claim: the owner from here on; the first owner's claim has the listing
    E-n      events, the last of which is at position n
    E-(n+1)  the mark of a done job, or the tombstone of a forgotten job

Fields: `o` owner, `n` position of the last event up to here (with events only where a mark took the
event's id), `l` listing, `a` number of claims since the last append, `s` the epoch of the mark
"done", `t` marks a tombstone, `v` version of the events' form, `f` position of the first event, `e`
the events.

`enter` and the journal's one writer make streams; the writer alone extends a stream.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from msgspec import MsgspecError, json

from legato.events import AnyEvent
from legato.storage.checks import json_of
from legato.storage.contracts.journal import Entries, Kept
from legato.storage.contracts.replication import JobInfo
from legato.storage.joining import Joining
from legato.storage.redis.connection.commands import Command, StreamEntry, unexpected
from legato.storage.redis.key_names import DAY
from legato.storage.redis.stream_scripts import (
    APPEND,
    BAR,
    CLAIM,
    FOLLOW,
    FORGET,
    MAKE,
    MARK_DONE,
    VERSION,
)

_EVENTS: Final = json.Decoder(tuple[AnyEvent, ...])
_LISTING: Final = json.Decoder(JobInfo)


class Top(NamedTuple):
    """The last entry of a stream; `done_epoch` is an epoch, 0 for not yet."""

    epoch: int
    owner: str
    done_epoch: int = 0
    attempts: int = 0
    is_tombstone: bool = False


def top(entry: StreamEntry) -> Top:
    fields = entry.fields
    if b"o" not in fields:
        raise unexpected(entry)
    return Top(
        int(entry.id.split(b"-")[0]),
        fields[b"o"].decode(),
        int(fields.get(b"s", b"0")),
        int(fields.get(b"a", b"0")),
        b"t" in fields,
    )


class Tail(NamedTuple):
    """The end of a stream when its owner added the last entry."""

    epoch: int
    last: int  # position of the last event
    length: int  # in entries


def follows(entries: Entries, tail: Tail | None) -> bool:
    if tail is None or not tail.length or not entries.events:
        return False
    return tail.epoch == entries.epoch and tail.last + 1 == entries.first


def follow(keys: Sequence[bytes], batch: Sequence[tuple[Entries, Tail]], owner: str) -> Command:
    """Append entries that follow their tails; the replies are the lengths of their streams.

    A length of 0 says that the stream has another end than the tail: then `append` decides.  Raises
    UnstorableText where an event cannot be kept.
    """
    words = [word for each, tail in batch for word in (*_words(each), tail.length)]
    return FOLLOW.on_all(keys, owner, *words)


def append(key: bytes, entries: Entries, owner: str, *, is_owned: bool = False) -> Command:
    """Append entries; the reply is the stream's length, or `fenced` or `forgotten`.

    `is_owned`: the job is in its owner's set, and a later epoch gives the job to this owner.
    Raises UnstorableText where an event cannot be kept.
    """
    entry_id, first, events = _words(entries)
    return APPEND.on(key, entry_id, owner, first, events, int(is_owned))


def _words(entries: Entries) -> tuple[str, int, bytes]:
    entry_id = f"{entries.epoch}-{entries.last}"
    return entry_id, entries.first, json_of(entries.events)


def make(key: bytes, epoch: int, owner: str, info: JobInfo | None) -> Command:
    return MAKE.on(key, epoch, owner, encoded(info) if info else b"")


def claim(key: bytes, former: Top, owner: str) -> Command:
    """Claim a job; the reply is the number of claims since an append, and the epoch of "done"."""
    return CLAIM.on(key, former.owner, former.epoch, owner)


def mark_done(key: bytes, owner: str) -> Command:
    """Mark a job as done; the reply is below 0 where another replica owns the job."""
    return MARK_DONE.on(key, owner, DAY)


def forget(key: bytes, owner: str = "") -> Command:
    """Forget a job; without `owner`, whoever owns the job."""
    return FORGET.on(key, owner, DAY)


def bar(key: bytes, owner: str) -> Command:
    """Keep a first owner from making the stream after all."""
    return BAR.on(key, owner, DAY)


def encoded(info: JobInfo) -> bytes:
    """Raises UnstorableText where the listing cannot be kept."""
    return json_of(info)


def decoded(info: bytes) -> JobInfo:
    return _LISTING.decode(info)


def info(entry: StreamEntry) -> JobInfo | None:
    """Raises MsgspecError where this version cannot read the listing."""
    return decoded(entry.fields[b"l"]) if b"l" in entry.fields else None


def kept(job_id: str, stream: Iterable[StreamEntry]) -> Kept:
    """A stream's events, without entries that are unreadable or behind a gap."""
    joining = Joining()
    for entry in stream:
        if b"e" not in entry.fields:
            continue
        try:
            joining.add(_entries(job_id, entry))
        except (MsgspecError, ValueError, KeyError) as error:
            joining.miss(f"its entries from {_first(entry)} on: {error}")
    return joining.kept()


def _entries(job_id: str, entry: StreamEntry) -> Entries:
    """Raises MsgspecError, ValueError or KeyError where this version cannot read the entry."""
    if (version := entry.fields[b"v"]) != str(VERSION).encode():
        raise ValueError(
            f"they are of form {version.decode('ascii', 'replace')};"
            f" this version of Legato knows {VERSION}"
        )
    epoch, first = top(entry).epoch, int(entry.fields[b"f"])
    return Entries(job_id, epoch, first, _EVENTS.decode(entry.fields[b"e"]))


def _first(entry: StreamEntry) -> str:
    return entry.fields.get(b"f", entry.id).decode("ascii", "replace")
