"""What a wire vocabulary is: a pure machine from events to frames."""

from typing import Protocol

from msgspec import Struct

from legato.events import AnyEvent, Snapshot


class Identity(Struct, frozen=True):
    """What a job is called, for its frames: fixed at birth."""

    job_id: str
    epoch: int
    conversation_id: str
    response_id: str


class Encoder(Protocol):
    """Encodes one job.  Deterministic: the same entries give the same bytes, in every run."""

    def encode(self, seq: int, event: AnyEvent) -> bytes:
        """The frames of the event at `seq`, whole; empty where this dialect says nothing of it."""
        ...

    def snapshot(self, snapshot: Snapshot) -> bytes:
        """One frame that replaces everything up to `snapshot.seq`."""
        ...


class Dialect(Protocol):
    def __call__(self, identity: Identity) -> Encoder: ...
