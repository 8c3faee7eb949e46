"""The envelopes between replicas, and the dialect for a job's log.  Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, Self, cast

from msgspec import Raw, Struct, json, msgpack

from legato.actors.inspection.timeline import ListTimelines, Timelines
from legato.actors.messages import (
    AwaitAnswer,
    AwaitEnding,
    AwaitOpened,
    AwaitQueued,
    GetStatus,
    Locate,
    Status,
    Stop,
    StopReply,
)
from legato.actors.question import Question
from legato.actors.queue.questions import NotWaiting, QueueQuestion, Waiting
from legato.actors.steering.interjections import (
    AnswerAsk,
    AnswerReceipt,
    CancelSteer,
    FindSteer,
    Rejected,
    Steer,
    SteerReceipt,
)
from legato.actors.stream.places import Located
from legato.dialects.contract import Identity
from legato.events import AnyEnding, AnyEvent, Created, Queued, Snapshot, without_turn

LOG_DIALECT: Final = "wire"
"""The name of the dialect in which a job is told to other replicas."""

_RESET: Final = b"\n"
_encode: Final = json.Encoder().encode
_events: Final = json.Decoder(AnyEvent)


class LogDialect:
    """A line an event.  There is no snapshot: a mirror needs the whole log."""

    def __init__(self, identity: Identity) -> None:
        pass

    number: Final = None

    def fork(self) -> Self:
        return self

    def encode(self, seq: int, event: AnyEvent) -> bytes:
        return _encode(without_turn(event) if isinstance(event, Created) else event) + b"\n"

    def snapshot(self, snapshot: Snapshot) -> bytes:
        return _RESET

    @staticmethod
    def decode(data: bytes) -> Sequence[AnyEvent] | None:
        """The events of the lines; None where a cursor did not hold: begin again.

        Raises:
            msgspec.MsgspecError: where the bytes are no lines of events.
        """
        return None if data.startswith(_RESET) else _events.decode_lines(data)


class Envelope(Struct, frozen=True, tag=True):
    """Part of a packet.  `call_id` numbers the Call or Follow that began the exchange."""

    call_id: int


class Follow(Envelope, frozen=True):
    """Tell me the job's log from `cursor` on.  None is the beginning."""

    job_id: str
    cursor: str | None


class Unfollow(Envelope, frozen=True):
    """No more of the log is wanted."""


class Accepted(Envelope, frozen=True):
    """The following chunks are the job's under `epoch`; `previous_epochs`: see Feed."""

    epoch: int
    previous_epochs: Mapping[int, int]


class LogChunk(Envelope, frozen=True):
    """A Chunk of the log."""

    data: bytes
    seq: int
    last: bool


class Closed(Envelope, frozen=True):
    """No more of the log comes.  The rest can be asked for again, unless the job `is_gone`."""

    is_gone: bool = False


class HasJob(Question[None], frozen=True):
    """Answered by a replica that has the job."""


class Discard(Question[None], frozen=True):
    """Stop the job and let go of it; answered when done."""


class AwaitTitle(Question[None], frozen=True):
    """Answered when no title of the conversation is in the making at the asked replica."""

    conversation_id: str


_JobQuestion = (
    Locate
    | Stop
    | AwaitQueued
    | AwaitOpened
    | AwaitAnswer
    | AwaitEnding
    | GetStatus
    | Steer
    | CancelSteer
    | FindSteer
    | AnswerAsk
    | QueueQuestion
)
"""All that a job is asked but Subscribe, for which Follow stands."""

OwnerQuestion = _JobQuestion | HasJob | Discard
_CallQuestion = OwnerQuestion | AwaitTitle | ListTimelines
_AnyAnswer = (
    Located
    | StopReply
    | Status
    | SteerReceipt
    | AnswerReceipt
    | Rejected
    | Waiting
    | NotWaiting
    | Queued
    | Created
    | AnyEnding
    | Timelines
)


class Call(Envelope, frozen=True):
    """A question about a job, for the replica that owns the job."""

    job_id: str
    question: _CallQuestion

    @classmethod
    def of(cls, call_id: int, job_id: str, question: Question[Any]) -> Self:
        """Any question but Subscribe."""
        return cls(call_id, job_id, cast("_CallQuestion", question))


class Reply(Envelope, frozen=True):
    """A replica's answer to a call.

    `is_known` is false where the asked replica does not have the job; with `is_leaving` the replica
    goes, and another replica will have the job; `fault` says why the owner cannot answer.

    `refusal`: the job refuses, with `last` as in OutOfReach, or because nobody speaks the dialect.
    """

    answer: _AnyAnswer | None = None
    is_known: bool = True
    is_leaving: bool = False
    fault: str | None = None
    refusal: Literal["out_of_reach", "unknown_dialect"] | None = None
    last: int | None = None


class GapDetected(Envelope, frozen=True):
    """Packets of yours did not arrive: begin all our calls and mirrors again."""


AnyEnvelope = Call | Reply | Follow | Unfollow | Accepted | LogChunk | Closed | GapDetected


class Packet(Struct, frozen=True, array_like=True):
    """Envelopes of one replica for another, the `number`th packet on the link, from 1.

    `link` tells the sender's end of the link from its former ends.
    """

    sender: str
    link: str
    number: int
    envelopes: Sequence[AnyEnvelope]


class _Sealed(Struct, frozen=True, array_like=True):
    """A packet with encoded envelopes."""

    sender: str
    link: str
    number: int
    envelopes: Sequence[Raw]


_msgpack: Final = msgpack.Encoder().encode
_packets: Final = msgpack.Decoder(Packet)


def encode_envelope(envelope: AnyEnvelope) -> Raw:
    """Encode an envelope alone: an envelope with an error costs no other envelope.

    Raises:
        msgspec.MsgspecError, OverflowError, TypeError, UnicodeEncodeError: for such an error.
    """
    return Raw(_msgpack(envelope))


def encode_packet(sender: str, link: str, number: int, envelopes: Sequence[Raw]) -> bytes:
    return _msgpack(_Sealed(sender, link, number, envelopes))


def decode_packet(data: bytes) -> Packet:
    """Raises msgspec.MsgspecError where the bytes are no packet."""
    return _packets.decode(data)
