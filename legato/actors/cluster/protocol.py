"""What replicas say to each other: envelopes, and a job's log as the lines of a dialect.  Pure."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, Self

from msgspec import Raw, Struct, json, msgpack

from legato.actors.messages import Status, StopReply
from legato.actors.stream.places import Located
from legato.dialects.contract import Identity
from legato.events import AnyEnding, AnyEvent, Created, Queued, Snapshot, without_turn

LOG_DIALECT: Final = "wire"
"""The name of the dialect in which a job is told to other replicas."""

_RESET: Final = b"\n"
_encode: Final = json.Encoder().encode
_events: Final = json.Decoder(AnyEvent)


class LogDialect:
    """A line an event.  A snapshot is none of it: who mirrors a log needs all of it."""

    def __init__(self, identity: Identity) -> None:
        pass

    number: Final = None

    def fork(self) -> Self:
        return self

    def encode(self, seq: int, event: AnyEvent) -> bytes:
        return _encode(without_turn(event) if isinstance(event, Created) else event) + b"\n"

    def snapshot(self, snapshot: Snapshot) -> bytes:
        return _RESET


def events_of(data: bytes) -> Sequence[AnyEvent] | None:
    """The events of such lines; None where a cursor did not hold: begin again.

    Raises:
        msgspec.MsgspecError: where they are not such lines.
    """
    return None if data.startswith(_RESET) else _events.decode_lines(data)


class Envelope(Struct, frozen=True, tag=True):
    """Part of a packet.  `call_id` numbers what its first sender began with it."""

    call_id: int


class Follow(Envelope, frozen=True):
    """Tell me that job's log from there on.  `cursor` None is its beginning."""

    job_id: str
    cursor: str | None


class Unfollow(Envelope, frozen=True):
    """No more of it is wanted."""


class Accepted(Envelope, frozen=True):
    """What follows is the job's under `epoch`; `previous_epochs`: see Feed."""

    epoch: int
    previous_epochs: Mapping[int, int]


class LogChunk(Envelope, frozen=True):
    """A Chunk of it."""

    data: bytes
    seq: int
    last: bool


class Closed(Envelope, frozen=True):
    """No more comes of that.  What is missing can be asked for again, unless the job `is_gone`."""

    is_gone: bool = False


class StopJob(Envelope, frozen=True):
    """`stop_id`: see Stop."""

    job_id: str
    stop_id: str


class AskStatus(Envelope, frozen=True):
    job_id: str


class AskWhether(Envelope, frozen=True):
    """Answered with whether the asked replica has that job."""

    job_id: str


class LocatePlace(Envelope, frozen=True):
    """See Locate; a cursor comes as text."""

    job_id: str
    dialect: str
    place: str | int


Awaited = Literal["queued", "opened", "content", "ending"]
"""What a job comes to; see AwaitQueued, AwaitOpened, AwaitAnswer, AwaitEnding."""

News = Queued | Created | AnyEnding


class AwaitJob(Envelope, frozen=True):
    """Answered when the job has come so far, or to its ending."""

    job_id: str
    awaited: Awaited


class AwaitTitle(Envelope, frozen=True):
    """Answered when no title of that conversation is in the making here."""

    conversation_id: str


class Discard(Envelope, frozen=True):
    """Stop the job and let go of it; answered when that is done."""

    job_id: str


class Reply(Envelope, frozen=True):
    """A replica's answer to a question.

    `is_known` is false where the asked replica has no such job; with `is_leaving` the replica goes,
    and another will have the job; `fault` says why it cannot answer though it has the job.  Without
    `located` LocatePlace is refused: with `last` as in OutOfReach, or, where `is_spoken` is false,
    because nobody speaks that dialect there.
    """

    is_known: bool = True
    is_leaving: bool = False
    fault: str | None = None
    is_spoken: bool = True
    news: News | None = None
    located: Located | None = None
    last: int | None = None
    stopped: StopReply | None = None
    status: Status | None = None


class GapDetected(Envelope, frozen=True):
    """Packets of yours did not arrive: begin again all that we had begun."""


JobQuestion = StopJob | AskStatus | AskWhether | LocatePlace | AwaitJob | Discard
Question = JobQuestion | AwaitTitle
AnyEnvelope = Question | Follow | Unfollow | Accepted | LogChunk | Closed | Reply | GapDetected


class Packet(Struct, frozen=True, array_like=True):
    """Envelopes of one replica for another, the `number`th packet on that link, from 1.

    `link` tells the sender's end of the link from those that it had before.
    """

    sender: str
    link: str
    number: int
    envelopes: Sequence[AnyEnvelope]


class _Sealed(Struct, frozen=True, array_like=True):
    """A packet whose envelopes are encoded."""

    sender: str
    link: str
    number: int
    envelopes: Sequence[Raw]


_msgpack: Final = msgpack.Encoder().encode
_packets: Final = msgpack.Decoder(Packet)


def encode_envelope(envelope: AnyEnvelope) -> Raw:
    """Encode each by itself, so that one which cannot be costs no other.

    Raises:
        msgspec.MsgspecError, OverflowError, TypeError, UnicodeEncodeError: where it cannot be.
    """
    return Raw(_msgpack(envelope))


def encode_packet(sender: str, link: str, number: int, envelopes: Sequence[Raw]) -> bytes:
    return _msgpack(_Sealed(sender, link, number, envelopes))


def decode_packet(data: bytes) -> Packet:
    """Raises msgspec.MsgspecError where it is none."""
    return _packets.decode(data)
