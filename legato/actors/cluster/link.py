"""The link to one other replica: the calls and mirrors under way, and how much waits."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from secrets import token_hex
from typing import Final, Protocol

import trio
from msgspec import Raw

from legato.actors.cluster.protocol import (
    Accepted,
    AnyEnvelope,
    Closed,
    LogChunk,
    Reply,
    encode_envelope,
)
from legato.actors.stream.sinks import Chunk

WAITING_BYTES: Final = 4 * 1024 * 1024
"""What may wait to be sent to one replica; its mirrors lag then, and ask again from their place."""

FromOwner = Accepted | LogChunk | Closed


class LinkLost(Exception):
    """The other replica is gone, or a packet between the two is lost."""


class MirrorInput(Protocol):
    """A reader of a job's log from another replica."""

    def tell(self, envelope: FromOwner) -> None:
        """Take the envelope without waiting; after Closed no more comes."""
        ...


class _PendingCall:
    """A question on its way."""

    def __init__(self, call_id: int) -> None:
        self.call_id = call_id
        self._reply: Reply | None = None
        self._done = trio.Event()

    def end(self, reply: Reply | None) -> None:
        self._reply = reply
        self._done.set()

    async def reply(self) -> Reply:
        await self._done.wait()
        if self._reply is None:
            raise LinkLost
        return self._reply


class PeerSink:
    """The sink for a job's lines to a mirror at another replica."""

    def __init__(self, link: "Link", call_id: int) -> None:
        self.is_left = False
        self._link = link
        self._about = call_id

    @property
    def waiting(self) -> int:
        return self._link.waiting

    def push(self, chunk: Chunk) -> bool:
        if self.is_left or self._link.waiting > WAITING_BYTES:
            return False
        self._link.waiting += len(chunk.data)
        self._link.send(LogChunk(self._about, chunk.data, chunk.seq, chunk.last))
        return True

    def close(self) -> None:
        if not self.is_left:
            self._link.end(Closed(self._about))


class Link:
    """Plain bookkeeping: nothing here waits.

    Each side numbers its packets under the name of its own link, and takes a new name after giving
    the other side up.
    """

    def __init__(self, numbers: Iterator[int]) -> None:
        """`numbers`: of calls and mirrors, never used twice: the other side may keep a link of
        which this side made a new one, and answer a question of the former."""
        self.waiting = 0  # bytes of lines to be sent
        self.scope = trio.CancelScope()  # of the sending task
        self._name = token_hex(8)
        self._sent = 0
        self._outgoing: list[Raw] = []
        self._due = trio.Event()
        self._from: str | None = None  # the other side's name for the link
        self._received = 0  # the number of the last packet from there
        self._numbers = numbers
        self._calls: dict[int, _PendingCall] = {}
        self._inlets: dict[int, MirrorInput] = {}
        self._sinks: dict[int, PeerSink] = {}

    # Sending.

    def send(self, envelope: AnyEnvelope) -> None:
        """Raises the errors of `encode_envelope`."""
        self._outgoing.append(encode_envelope(envelope))
        self._due.set()

    def greet(self) -> None:
        """Have a packet sent, even an empty packet, for a gap to show."""
        self._due.set()

    async def packet(self) -> tuple[str, int, Sequence[Raw]]:
        """Wait until something is to be sent; return everything, with link and number."""
        await self._due.wait()
        self._due = trio.Event()
        envelopes, self._outgoing = self._outgoing, []
        self.waiting = 0
        self._sent += 1
        return self._name, self._sent, envelopes

    # Receiving.

    def is_new(self, link: str, number: int) -> bool:
        """Whether the packet has not come before."""
        return link != self._from or number > self._received

    def receive(self, link: str, number: int) -> bool:
        """Note the packet; return whether an earlier packet is missing, or the name is new."""
        is_next = number == self._received + 1 if link == self._from else number == 1
        is_first = self._from is None
        is_other = link != self._from and not is_first
        self._from, self._received = link, number
        return is_other or not is_next

    def reset(self) -> None:
        """End all calls, mirrors and sinks under way: none will be finished on this link."""
        calls, self._calls = self._calls, {}
        inlets, self._inlets = self._inlets, {}
        sinks, self._sinks = self._sinks, {}
        for each in calls.values():
            each.end(None)
        for call_id, inlet in inlets.items():
            inlet.tell(Closed(call_id))
        for sink in sinks.values():
            sink.is_left = True

    # What this replica asks for.

    @contextmanager
    def asking(self) -> Iterator[_PendingCall]:
        call = _PendingCall(next(self._numbers))
        self._calls[call.call_id] = call
        try:
            yield call
        finally:
            self._calls.pop(call.call_id, None)

    def answered(self, call_id: int, reply: Reply) -> None:
        if call := self._calls.get(call_id):
            call.end(reply)

    # The mirrors here.

    def admit(self, inlet: MirrorInput) -> int:
        call_id = next(self._numbers)
        self._inlets[call_id] = inlet
        return call_id

    def dismiss(self, inlet: MirrorInput) -> Sequence[int]:
        found = [call_id for call_id, each in self._inlets.items() if each is inlet]
        for call_id in found:
            del self._inlets[call_id]
        return found

    def tell(self, envelope: FromOwner) -> bool:
        """Whether a mirror here still follows the envelope's job."""
        inlet = self._inlets.get(envelope.call_id)
        if isinstance(envelope, Closed):
            self._inlets.pop(envelope.call_id, None)
        if inlet is not None:
            inlet.tell(envelope)
        return inlet is not None

    # The sinks for mirrors at the other replica.

    def serve(self, call_id: int) -> PeerSink:
        sink = self._sinks[call_id] = PeerSink(self, call_id)
        return sink

    def end(self, closed: Closed) -> None:
        """Tell the other side that no more comes."""
        self.send(closed)
        self.leave(closed.call_id)

    def leave(self, call_id: int) -> None:
        if sink := self._sinks.pop(call_id, None):
            sink.is_left = True
