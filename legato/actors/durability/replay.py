"""Replays a job from its log in a journal, up to the first gap or fault.  Pure."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from legato.actors.stream.fold import Fold
from legato.events import AnyEnding, AnyEvent, Created, Queued, Snapshot
from legato.requests import TurnRequest
from legato.storage.contracts.journal import Entries, Kept


class Replay:
    """The job's log as written, up to the first entries which are missing or do not fit.

    `previous_epochs`: the owners' epochs, each with its last remaining position.
    """

    def __init__(self, kept: Kept) -> None:
        self.fault = kept.fault
        self.fold = Fold()
        self.events: list[AnyEvent] = []
        self.previous_epochs: dict[int, int] = {}
        events: list[AnyEvent] = []
        with self._noting_faults():
            for entries in kept.entries:
                self._join(events, entries)
        with self._noting_faults():
            self._tell(events)
        self.previous_epochs = {
            epoch: min(tail, len(self.events)) for epoch, tail in self.previous_epochs.items()
        }

    @contextmanager
    def _noting_faults(self) -> Iterator[None]:
        try:
            yield
        except ValueError as error:
            self.fault = self.fault or str(error)

    def go_on(self, entries: Entries) -> None:
        self.events += entries.events
        self.fold.apply(*entries.events)
        self.previous_epochs[entries.epoch] = len(self.events)

    def _join(self, events: list[AnyEvent], entries: Entries) -> None:
        """Add entries: a later owner went on from the last readable event."""
        before = entries.first - 1
        if self.previous_epochs.get(entries.epoch, -1) >= before + len(entries.events):
            return  # repeated by an owner who had no reply to the first write
        if before > len(events):
            raise ValueError(f"what follows event {len(events)} is missing")
        self.previous_epochs = {
            epoch: min(tail, before) for epoch, tail in self.previous_epochs.items()
        }
        events[before:] = entries.events
        self.previous_epochs[entries.epoch] = len(events)

    def _tell(self, events: Sequence[AnyEvent]) -> None:
        for event in events:
            self.fold.apply(event)
            self.events.append(event)

    @property
    def has_faults(self) -> bool:
        return self.fault is not None

    @property
    def snapshot(self) -> Snapshot:
        """The fold at the log's end."""
        return self.fold.snapshot(len(self.events))

    @property
    def queued(self) -> Queued | None:
        return self.fold.queued

    @property
    def turn(self) -> TurnRequest | None:
        """The turn as requested, where the journal has the whole request."""
        if self.queued is not None:
            return self.queued.turn
        first = self.events[0] if self.events else None
        return first.turn if isinstance(first, Created) else None

    @property
    def still_waits(self) -> bool:
        """Whether the model is still to be asked: the turn was queued, and is known whole."""
        is_waiting = bool(self.events) and isinstance(self.events[-1], Queued)
        return is_waiting and not self.has_faults

    @property
    def is_unasked(self) -> bool:
        """Whether the turn was queued, and has begun at most: no model has said anything."""
        has_said = bool(self.fold.steps) or self.ending is not None
        return self.queued is not None and not has_said and not self.has_faults

    @property
    def created(self) -> Created | None:
        return self.fold.created

    @property
    def has_opened(self) -> bool:
        """Whether the question was stored: then the model was asked, or the ending names the
        question.

        Where this is false the question may be stored all the same: the owner died before saying
        so.
        """
        if self.ending is not None:
            return self.ending.request is not None
        return bool(self.fold.steps)

    @property
    def ending(self) -> AnyEnding | None:
        last = self.events[-1] if self.events else None
        return last if isinstance(last, AnyEnding) else None
