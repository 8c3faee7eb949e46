"""A job's append-only entries, terminal entry last.  Pure."""

from collections.abc import Iterable, Sequence
from itertools import chain

from legato.actors.stream.memory_sizes import EVENT_BYTES
from legato.actors.stream.packing import Packed
from legato.events import AnyEnding, AnyEvent, Ending

PACK_EVERY = 1024  # events; packing this many takes about 0.3 ms


class Sealed(Exception):
    """The log has its ending; nothing comes after the ending."""


class Log:
    """Events at the positions 1..tail; an event never changes, nor moves.

    All but the newest events are packed: a token costs its text and a few bytes.
    """

    def __init__(self, pack_every: int = PACK_EVERY) -> None:
        self.tail = 0  # the position of the last event; 0 while there is none
        self.ending: AnyEnding | None = None
        self._packed = Packed()
        self._newest: list[AnyEvent] = []
        self._pack_every = pack_every

    @property
    def content_tail(self) -> int:
        """The position of the last event before the ending."""
        return self.tail - 1 if self.ending else self.tail

    @property
    def bytes(self) -> int:
        """About how many bytes of memory the log keeps."""
        return self._packed.bytes + EVENT_BYTES * len(self._newest)

    def append(self, *events: AnyEvent) -> None:
        """Raises Sealed after the ending, which may only come last."""
        if self.ending is not None:
            raise Sealed
        self._newest += events
        self.tail += len(events)
        if events and isinstance(ending := events[-1], Ending):
            self.ending = ending
        if self.ending or len(self._newest) >= self._pack_every:
            self._packed.extend(self._newest)
            self._newest.clear()

    def events(self, after: int, up_to: int) -> Iterable[AnyEvent]:
        """The events at the positions `after` + 1 to `up_to`."""
        packed = self._packed.length
        newest: Sequence[AnyEvent] = self._newest[max(0, after - packed) : max(0, up_to - packed)]
        return newest if after >= packed else chain(self._packed.events(after, up_to), newest)
