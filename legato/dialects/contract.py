"""What a wire vocabulary is: a pure machine from events to frames."""

from typing import Protocol, Self

from msgspec import Struct

from legato.events import AnyEvent, Snapshot


class Identity(Struct, frozen=True):
    """What a job is called, for its frames: fixed at birth."""

    job_id: str
    epoch: int
    conversation_id: str
    response_id: str


class Encoder(Protocol):
    """Encodes one job.  Deterministic: the same entries give the same bytes, in every run.

    What an event's frames are may depend on the events before it: then it has a state, and is
    given all of a job's events, from the first, one after another.
    """

    @property
    def number(self) -> int | None:
        """What the next frame that has a number will have; None where the dialect gives none."""
        ...

    def fork(self) -> Self:
        """Another at the same event, to go on by itself; one without a state is its own."""
        ...

    def encode(self, seq: int, event: AnyEvent) -> bytes:
        """The frames of the event at `seq`, whole; empty where this dialect says nothing of it."""
        ...

    def snapshot(self, snapshot: Snapshot) -> bytes | None:
        """One frame that replaces everything up to `snapshot.seq`; None where there is no such."""
        ...


class Dialect(Protocol):
    def __call__(self, identity: Identity) -> Encoder: ...
