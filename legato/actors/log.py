"""A job's append-only entries, terminal entry last.  Pure."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from legato.events import (
    AnyEvent,
    ArgumentsDelta,
    Ending,
    Entry,
    ReasoningDelta,
    TextDelta,
)

Delta = TextDelta | ReasoningDelta | ArgumentsDelta

ENTRY_BYTES = 200  # what an entry costs beside its text: the event, the tuple, its frame's envelope


class Sealed(Exception):
    """The log has its ending; nothing comes after it."""


class Log:
    """Entries 1..tail, in order, each position once.

    Compaction merges neighbouring deltas into one entry that carries the last one's `seq`, so
    positions never change their meaning; those that were merged away are no longer held.
    """

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.bytes = 0

    @property
    def tail(self) -> int:
        """The position of the last entry; 0 while there is none."""
        return self.entries[-1].seq if self.entries else 0

    @property
    def ending(self) -> Ending | None:
        last = self.entries[-1].event if self.entries else None
        return last if isinstance(last, Ending) else None

    @property
    def content_tail(self) -> int:
        """The position of the last entry that is not the ending."""
        before = self.entries[-2:-1] if self.ending else self.entries[-1:]
        return before[0].seq if before else 0

    def append(self, event: AnyEvent) -> None:
        """Raises Sealed after the ending."""
        if self.ending is not None:
            raise Sealed
        self.entries.append(Entry(self.tail + 1, event))
        self.bytes += size_of(event)

    def index_after(self, seq: int) -> int | None:
        """Where the entries after position `seq` begin; None where `seq` is not a held position."""
        if seq == 0:
            return 0
        index = bisect_left(self.entries, seq, key=lambda entry: entry.seq)
        held = index < len(self.entries) and self.entries[index].seq == seq
        return index + 1 if held else None

    def compact(self) -> None:
        """Merge neighbouring deltas of one part: the fold stays the same."""
        self.entries = list(merged(self.entries))
        self.bytes = sum(size_of(entry.event) for entry in self.entries)


def merged(entries: Iterable[Entry]) -> Iterable[Entry]:
    run: list[Delta] = []
    seq = 0
    for entry in entries:
        event = entry.event
        joins = bool(run) and type(event) is type(run[0]) and event.index == run[0].index
        if run and not joins:
            yield Entry(seq, joined(run))
            run = []
        if isinstance(event, Delta):
            run.append(event)
        else:
            yield entry
        seq = entry.seq
    if run:
        yield Entry(seq, joined(run))


def joined(run: Sequence[Delta]) -> Delta:
    return type(run[0])(run[0].index, "".join(text_of(delta) for delta in run))


def text_of(delta: Delta) -> str:
    return delta.args if isinstance(delta, ArgumentsDelta) else delta.text


def size_of(event: AnyEvent) -> int:
    """About how many bytes an entry keeps alive."""
    return ENTRY_BYTES + (len(text_of(event)) if isinstance(event, Delta) else 0)
