"""The links to other replicas: what is begun with a letter, and what comes of it."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Protocol, assert_never

import structlog
import trio
from msgspec import MsgspecError

from legato.actors.feed import Start
from legato.actors.links import Inlet, Link, PeerSink
from legato.actors.mailbox import ActorStopped
from legato.actors.ref import LocalRef
from legato.actors.wire import (
    WIRE,
    Accepted,
    Answer,
    AnyLetter,
    AskStatus,
    AwaitEnd,
    AwaitTitle,
    Closed,
    Discard,
    Follow,
    Lines,
    LocatePlace,
    Missed,
    Packet,
    Question,
    StopJob,
    Unfollow,
    decode_packet,
    encode_packet,
)
from legato.events import Cursor
from legato.storage.contract import StorageError
from legato.storage.replicas import Post

RETRY: Final = 0.5  # seconds until packets are sent once more, or looked for

log = structlog.get_logger()


class Host(Protocol):
    """What the other replicas ask this one for."""

    async def local(self, job_id: str) -> LocalRef | None:
        """The job, if it is this replica's."""
        ...

    async def answer(self, question: Question) -> Answer: ...


class Peers:
    """Letters in one packet to each replica, as soon as the packets before are sent.

    Packets may be lost, so they are numbered.  After a gap both sides end all that was begun
    between them, and whoever still wants it begins again, from where it was.
    """

    def __init__(self, me: str, post: Post, host: Host) -> None:
        self._me = me
        self._post = post
        self._host = host
        self._links: dict[str, Link] = {}
        self._stirred = trio.Event()

    async def ask(self, peer: str, question: Callable[[int], Question]) -> Answer:
        """Raises LinkLost where the peer may not have got it, or its answer may be lost."""
        with self._link(peer).asking() as asked:
            self.send(peer, question(asked.about))
            return await asked.answer()

    def follow(self, peer: str, job_id: str, start: Cursor | None, inlet: Inlet) -> None:
        """Have that job's log told to `inlet`, from `start` or from its beginning, until it is
        closed."""
        about = self._link(peer).admit(inlet)
        self.send(peer, Follow(about, job_id, str(start) if start else None))

    def unfollow(self, inlet: Inlet) -> None:
        for peer, link in self._links.items():
            for about in link.dismiss(inlet):
                self.send(peer, Unfollow(about))

    def send(self, peer: str, letter: AnyLetter) -> None:
        self._link(peer).outgoing.append(letter)
        self._stirred.set()

    def greet(self, alive: Callable[[str], bool]) -> None:
        """A sign for every link, so that a gap shows also where nothing is said; an end to what was
        begun with those who are gone."""
        for peer, link in self._links.items():
            if alive(peer):
                link.is_due = True
                self._stirred.set()
            else:
                link.part()

    async def run(self) -> None:
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(self._send)
            self._nursery.start_soon(self._receive)

    def _link(self, peer: str) -> Link:
        return self._links.setdefault(peer, Link())

    async def _send(self) -> None:
        while True:
            await self._stirred.wait()
            self._stirred = trio.Event()
            await self._deliver(
                [
                    (peer, encode_packet(Packet(self._me, *link.packet())))
                    for peer, link in self._links.items()
                    if link.outgoing or link.is_due
                ]
            )

    async def _deliver(self, packets: Sequence[tuple[str, bytes]]) -> None:
        is_first = True
        while packets:
            try:
                await self._post.send(packets)
            except StorageError as error:
                if is_first:  # of an outage that lasts one line is enough
                    log.warning("packets not sent yet", reason=str(error))
                is_first = False
                await trio.sleep(RETRY)
            else:
                return

    async def _receive(self) -> None:
        is_first = True
        while True:
            try:
                packets = await self._post.receive()
            except StorageError as error:
                if is_first:
                    log.warning("no packets received", reason=str(error))
                is_first = False
                await trio.sleep(RETRY)
            else:
                is_first = True
                for data in packets:
                    self._open(data)

    def _open(self, data: bytes) -> None:
        try:
            packet = decode_packet(data)
        except MsgspecError as error:
            log.error("a packet that cannot be read", reason=str(error))
            return
        link = self._link(packet.sender)
        if packet.number <= link.received:
            return  # sent again by who was not sure
        if packet.number > link.received + 1:
            link.reset()
            self.send(packet.sender, Missed(0))
        link.received = packet.number
        for letter in packet.letters:
            self._take(packet.sender, link, letter)

    def _take(self, peer: str, link: Link, letter: AnyLetter) -> None:
        match letter:
            case Lines(about):
                if not link.tell(letter):
                    self.send(peer, Unfollow(about))
            case Accepted(about, epoch, former):
                link.accept(about, epoch, former)
            case Closed(about, is_gone):
                link.close(about, is_gone=is_gone)
            case Follow(about):
                sink = link.serve(about, PeerSink(link, about, partial(self.send, peer)))
                self._nursery.start_soon(self._serve, peer, letter, sink)
            case Unfollow(about):
                link.leave(about)
            case Answer(about):
                link.answered(about, letter)
            case Missed():
                link.reset()
            case StopJob() | AskStatus() | LocatePlace() | AwaitEnd() | AwaitTitle() | Discard():
                self._nursery.start_soon(self._answer, peer, letter)
            case _:
                assert_never(letter)

    async def _answer(self, peer: str, question: Question) -> None:
        self.send(peer, await self._host.answer(question))

    async def _serve(self, peer: str, letter: Follow, sink: PeerSink) -> None:
        about = letter.about
        job = await self._host.local(letter.job_id)
        if job is None:
            self.send(peer, Closed(about, is_gone=True))
            return
        self.send(peer, Accepted(about, job.epoch, job.former))
        try:
            start: Start = Cursor.parse(letter.cursor) if letter.cursor else "beginning"
            await job.subscribe(WIRE, start, sink)
        except ActorStopped:
            sink.close()
