"""One link to one other replica: what both have begun with each other, and how much waits."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Final, Protocol

import trio

from legato.actors.sinks import Chunk
from legato.actors.wire import Answer, AnyLetter, Closed, Lines

WAITING_BYTES: Final = 4 * 1024 * 1024
"""What may wait to be sent to one replica; its mirrors lag then, and ask again from their place."""


class LinkLost(Exception):
    """The other replica is gone, or something of what was said between the two is lost."""


class Inlet(Protocol):
    """Who is told of a job."""

    def accept(self, epoch: int, former: Mapping[int, int]) -> None:
        """What follows is the job's under that epoch; `former`: see Feed."""
        ...

    def push(self, lines: Lines) -> None: ...

    def close(self, *, is_gone: bool) -> None:
        """No more comes.  The job `is_gone` where its replica does not have it (any more)."""
        ...


class Asked:
    """A question on its way."""

    def __init__(self, about: int) -> None:
        self.about = about
        self._answer: Answer | None = None
        self._done = trio.Event()

    def end(self, answer: Answer | None) -> None:
        self._answer = answer
        self._done.set()

    async def answer(self) -> Answer:
        await self._done.wait()
        if self._answer is None:
            raise LinkLost
        return self._answer


class PeerSink:
    """Where a job's lines go that another replica follows."""

    def __init__(self, link: "Link", about: int, send: Callable[[AnyLetter], None]) -> None:
        self.is_left = False
        self._link = link
        self._about = about
        self._send = send

    def push(self, chunk: Chunk) -> bool:
        if self.is_left or self._link.waiting > WAITING_BYTES:
            return False
        self._link.waiting += len(chunk.data)
        self._send(Lines(self._about, chunk.data, chunk.seq, chunk.last))
        return True

    def close(self) -> None:
        if not self.is_left:
            self._send(Closed(self._about))
            self._link.leave(self._about)


class Link:
    """Plain bookkeeping: nothing here waits."""

    def __init__(self) -> None:
        self.received = 0  # the number of the last packet that came
        self.outgoing: list[AnyLetter] = []
        self.waiting = 0  # bytes of lines in there
        self.is_due = False  # whether to send a packet though nothing is in it
        self._sent = 0
        self._numbers = count(1)
        self._asked: dict[int, Asked] = {}
        self._inlets: dict[int, Inlet] = {}
        self._sinks: dict[int, PeerSink] = {}

    def packet(self) -> tuple[int, Sequence[AnyLetter]]:
        """All that is to be sent now, and its number."""
        letters, self.outgoing = self.outgoing, []
        self.waiting, self.is_due = 0, False
        self._sent += 1
        return self._sent, letters

    def part(self) -> None:
        """The other is gone; should it come back, it misses a packet, and begins again as well."""
        self.packet()
        self.reset()

    def reset(self) -> None:
        """Nothing that was begun comes to an end on this link any more."""
        asked, self._asked = self._asked, {}
        inlets, self._inlets = self._inlets, {}
        sinks, self._sinks = self._sinks, {}
        for each in asked.values():
            each.end(None)
        for inlet in inlets.values():
            inlet.close(is_gone=False)
        for sink in sinks.values():
            sink.is_left = True

    # What this replica asks for.

    @contextmanager
    def asking(self) -> Iterator[Asked]:
        asked = Asked(next(self._numbers))
        self._asked[asked.about] = asked
        try:
            yield asked
        finally:
            self._asked.pop(asked.about, None)

    def answered(self, about: int, answer: Answer) -> None:
        if asked := self._asked.get(about):
            asked.end(answer)

    # What it follows.

    def admit(self, inlet: Inlet) -> int:
        about = next(self._numbers)
        self._inlets[about] = inlet
        return about

    def dismiss(self, inlet: Inlet) -> Sequence[int]:
        found = [about for about, each in self._inlets.items() if each is inlet]
        for about in found:
            del self._inlets[about]
        return found

    def accept(self, about: int, epoch: int, former: Mapping[int, int]) -> None:
        if inlet := self._inlets.get(about):
            inlet.accept(epoch, former)

    def tell(self, lines: Lines) -> bool:
        """Whether anybody here still follows that."""
        inlet = self._inlets.get(lines.about)
        if inlet is not None:
            inlet.push(lines)
        return inlet is not None

    def close(self, about: int, *, is_gone: bool) -> None:
        if inlet := self._inlets.pop(about, None):
            inlet.close(is_gone=is_gone)

    # What it tells the other of.

    def serve(self, about: int, sink: PeerSink) -> PeerSink:
        self._sinks[about] = sink
        return sink

    def leave(self, about: int) -> None:
        if sink := self._sinks.pop(about, None):
            sink.is_left = True
