"""The links to other replicas: sends and receives their envelopes."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import count
from typing import Any, Final, Protocol, assert_never

import structlog
import trio
from msgspec import MsgspecError, Raw

from legato.actors.cluster.link import Link, MirrorInput, PeerSink
from legato.actors.cluster.protocol import (
    LOG_DIALECT,
    Accepted,
    AnyEnvelope,
    Call,
    Closed,
    Follow,
    GapDetected,
    LogChunk,
    Reply,
    Unfollow,
    decode_packet,
    encode_packet,
)
from legato.actors.mailbox import ActorError
from legato.actors.question import Question
from legato.actors.ref import LocalRef
from legato.actors.stream.places import Start
from legato.actors.supervision.crashes import guarded
from legato.events import Cursor
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.replication import Inbox

_RETRY: Final = 0.5  # seconds until packets are sent once more, or looked for

_FAULT: Final = "The process that runs the generation failed to answer."

log = structlog.get_logger()


class Host(Protocol):
    """The other replicas' questions to this replica."""

    def has(self, job_id: str) -> bool:
        """Whether the job is here now."""
        ...

    async def local(self, job_id: str) -> LocalRef | None:
        """The job, if this replica owns it."""
        ...

    def hands_on(self, job_id: str) -> bool:
        """Whether another replica will have the job soon."""
        ...

    async def answer(self, call: Call) -> Reply: ...


class Transport:
    """Envelopes in one packet to each replica, as soon as the packet before is sent.

    Packets may be lost, and are numbered.  After a gap both sides end all calls and mirrors
    between them, and each asker begins again, from the last cursor.  Each link has a task of its
    own for sending: a replica whose inbox cannot be reached delays no other.
    """

    def __init__(self, nursery: trio.Nursery, me: str, post: Inbox, host: Host) -> None:
        self._nursery = nursery
        self._me = me
        self._post = post
        self._host = host
        self._links: dict[str, Link] = {}
        self._numbers = count(1)

    async def ask(self, peer: str, job_id: str, question: Question[Any]) -> Reply:
        """Raises LinkLost where the question or its answer may be lost."""
        link = self._link(peer)
        with link.asking() as pending:
            link.send(Call.of(pending.call_id, job_id, question))
            return await pending.reply()

    def follow(self, peer: str, job_id: str, start: Cursor | None, inlet: MirrorInput) -> None:
        """Have the job's log told to `inlet`, from `start` or from the beginning, until Closed."""
        link = self._link(peer)
        link.send(Follow(link.admit(inlet), job_id, str(start) if start else None))

    def unfollow(self, inlet: MirrorInput) -> None:
        for link in self._links.values():
            for call_id in link.dismiss(inlet):
                link.send(Unfollow(call_id))

    def greet(self, alive: Callable[[str], bool]) -> None:
        """Send a sign on every link, for a gap to show in silence; end links to the dead."""
        for peer, link in [*self._links.items()]:
            if alive(peer):
                link.greet()
            else:
                del self._links[peer]
                link.scope.cancel()
                link.reset()

    async def run(self) -> None:
        """Receive, for ever."""
        is_first = True
        while True:
            try:
                packets = await self._post.receive()
            except StorageError as error:
                if is_first:  # a single line is enough for an outage
                    log.warning("no packets received", reason=str(error))
                is_first = False
                await trio.sleep(_RETRY)
            else:
                is_first = True
                for data in packets:
                    self._open(data)

    def _link(self, peer: str) -> Link:
        if peer not in self._links:
            self._links[peer] = Link(self._numbers)
            self._nursery.start_soon(self._send, peer, self._links[peer])
        return self._links[peer]

    async def _send(self, peer: str, link: Link) -> None:
        """Send, for ever.  A packet that a bug keeps back counts as lost: a gap shows."""
        with link.scope:
            while True:
                due = await link.packet()
                await guarded(partial(self._deliver, peer, *due), "sender")

    async def _deliver(self, peer: str, link: str, number: int, envelopes: Sequence[Raw]) -> None:
        packet = encode_packet(self._me, link, number, envelopes)
        is_first = True
        while True:
            try:
                await self._post.send([(peer, packet)])
            except StorageError as error:
                if is_first:
                    log.warning("packet not sent yet", to=peer, reason=str(error))
                is_first = False
                await trio.sleep(_RETRY)
            else:
                return

    def _open(self, data: bytes) -> None:
        try:
            packet = decode_packet(data)
        except MsgspecError as error:
            log.error("a packet that cannot be read", reason=str(error))
            return
        link = self._link(packet.sender)
        if not link.is_new(packet.link, packet.number):
            return  # a repetition by a sender without a reply
        if link.receive(packet.link, packet.number):
            link.reset()
            link.send(GapDetected(0))
        for envelope in packet.envelopes:
            self._take(link, envelope)

    def _take(self, link: Link, envelope: AnyEnvelope) -> None:
        match envelope:
            case LogChunk() | Accepted() | Closed():
                if not link.tell(envelope) and isinstance(envelope, LogChunk):
                    link.send(Unfollow(envelope.call_id))
            case Follow(call_id):
                self._begin(partial(self._serve, link, envelope, link.serve(call_id)), "follower")
            case Unfollow(call_id):
                link.leave(call_id)
            case Reply(call_id):
                link.answered(call_id, envelope)
            case GapDetected():
                link.reset()
            case Call():
                self._begin(partial(self._answer, link, envelope), "answer")
            case _:
                assert_never(envelope)

    def _begin(self, work: Callable[[], Awaitable[None]], name: str) -> None:
        """Run work for another replica; a crash of it costs neither this replica nor other work."""
        self._nursery.start_soon(guarded, work, name)

    async def _answer(self, link: Link, call: Call) -> None:
        is_answered = False
        try:
            link.send(await self._host.answer(call))
            is_answered = True
        finally:
            if not is_answered:
                link.send(Reply(call.call_id, fault=_FAULT))

    async def _serve(self, link: Link, envelope: Follow, sink: PeerSink) -> None:
        try:
            job = await self._host.local(envelope.job_id)
        except StorageError:
            link.end(Closed(envelope.call_id))  # the mirror asks again
            return
        if job is None:
            link.end(Closed(envelope.call_id, is_gone=not self._host.hands_on(envelope.job_id)))
            return
        link.send(Accepted(envelope.call_id, job.epoch, job.previous_epochs))
        try:
            start: Start = Cursor.parse(envelope.cursor) if envelope.cursor else "beginning"
            await job.subscribe(LOG_DIALECT, start, sink)
        except (ActorError, StorageError):
            sink.close()
