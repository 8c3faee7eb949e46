"""The contract of a wire vocabulary: a pure machine from events to frames."""

from typing import Protocol, Self

from msgspec import Struct

from legato.events import AnyEvent, Snapshot


class Identity(Struct, frozen=True):
    """The ids of a job that frames carry: fixed at birth."""

    job_id: str
    epoch: int
    conversation_id: str
    response_id: str


class Encoder(Protocol):
    """Encodes one job.  Deterministic: the same entries give the same bytes, in every run.

    An encoder whose frames depend on earlier events has a state, and is given all events of a job
    in order, from the first.
    """

    @property
    def number(self) -> int | None:
        """The number of the next numbered frame; None for a dialect without numbers."""
        ...

    def fork(self) -> Self:
        """A copy at the same event, to go on separately; an encoder without state returns
        itself."""
        ...

    def encode(self, seq: int, event: AnyEvent) -> bytes:
        """The whole frames of the event at `seq`; empty where the dialect has none for the
        event."""
        ...

    def snapshot(self, snapshot: Snapshot) -> bytes | None:
        """A frame that replaces everything up to `snapshot.seq`; None for a dialect without
        snapshots."""
        ...


class Dialect(Protocol):
    def __call__(self, identity: Identity) -> Encoder: ...
