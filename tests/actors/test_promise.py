"""The promise, under arbitrary interleavings: a job driven by rules, against a trivial model.

Hypothesis chooses the rules, their order, and, through `st.random_module`, the order in which
Trio runs what is ready.  The trivial model is a list of what was said before the decision.
"""

from collections.abc import Callable, Sequence
from typing import Any

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import json, to_builtins
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.job import FIRST_EPOCH
from legato.actors.messages import StopReply
from legato.actors.ref import JobRef
from legato.actors.stream.places import Start
from legato.actors.subscription import Subscription
from legato.actors.supervision.drain import failed
from legato.content import ErrorPart
from legato.events import Cursor, Failed, Stopped
from legato.models.contract import ReasoningChunk, TextChunk, ToolCallChunk
from tests.support.actors import House, SimulatedClient, open_house


class Reader:
    """A client, its connection, and how willing the client is to read."""

    def __init__(self, job: JobRef, start: Start) -> None:
        self.job = job
        self.start = start
        self.client = SimulatedClient(start if isinstance(start, Cursor) else None)
        self.ended = False
        self.willing = trio.Event()
        self.willing.set()
        self.connection = trio.CancelScope()

    async def run(self) -> None:
        """Follow until the ending; a dropped connection is made again from the client's cursor."""
        while not self.ended:
            subscription = Subscription(self.job, "librechat", self.client.cursor or self.start)
            with trio.CancelScope() as self.connection:
                while not self.ended:
                    await self.willing.wait()
                    chunk = await subscription.receive()
                    if chunk.data:
                        self.client.feed(chunk.data)
                        assert chunk.last == (self.client.terminal is not None)
                    self.ended = chunk.last
            subscription.leave()


class Machine:
    """All acts upon a job; every method is a rule."""

    def __init__(self, draw: Callable[..., Any], house: House, nursery: trio.Nursery) -> None:
        self.draw = draw
        self.house = house
        self.nursery = nursery
        self.readers: list[Reader] = []
        self.stops: list[StopReply] = []
        self.said: list[str] = []
        self.calls = 0
        self.job = house.start()

    def rules(self) -> Sequence[Callable[[], Any]]:
        return (
            self.say,
            self.say_a_lot,
            self.think,
            self.call_a_tool,
            self.finish,
            self.fail,
            self.subscribe,
            self.pause,
            self.go_on,
            self.drop,
            self.stop,
            self.end_the_process,
            self.lose_the_disk,
            self.find_the_disk,
            self.settle,
            self.rush,
            self.rush,
        )

    def say(self) -> None:
        # JSON and SSE have their own ideas of these.
        text = self.draw(
            st.sampled_from(["a", "", "\r\n\r\nevent: x", "\u2028\0", "é𝄞 ", "data: "])
        )
        self.said.append(text)
        self.house.model.play(*[TextChunk(text)] * self.draw(st.integers(1, 3)))

    def say_a_lot(self) -> None:
        """More than a reader may be behind."""
        self.house.model.play(TextChunk("lorem ipsum " * 4000))

    def think(self) -> None:
        self.house.model.play(ReasoningChunk("hm "))

    def call_a_tool(self) -> None:
        self.calls += 1
        self.house.model.play(
            ToolCallChunk(self.calls, f"call_{self.calls}", "search"),
            ToolCallChunk(self.calls, args='{"q":'),
            ToolCallChunk(self.calls, args="1}"),
        )

    def finish(self) -> None:
        self.house.model.finish()

    def fail(self) -> None:
        self.house.model.fail()

    def subscribe(self) -> None:
        start = self.draw(
            st.sampled_from(["beginning", "snapshot"])
            | st.builds(Cursor, st.just(self.job.job_id), st.just(1), st.integers(0, 40))
            | st.builds(Cursor, st.sampled_from(["X", self.job.job_id]), st.just(2), st.just(3))
        )
        self.join(start)

    def join(self, start: Start) -> None:
        reader = self.reader(start)
        self.readers.append(reader)
        self.nursery.start_soon(reader.run)

    def reader(self, start: Start) -> Reader:
        return Reader(self.job, start)

    def pause(self) -> None:
        if willing := [reader for reader in self.readers if reader.willing.is_set()]:
            self.draw(st.sampled_from(willing)).willing = trio.Event()

    def go_on(self) -> None:
        for reader in self.readers:
            reader.willing.set()

    def drop(self) -> None:
        if self.readers:
            self.draw(st.sampled_from(self.readers)).connection.cancel()

    def stop(self) -> None:
        self.nursery.start_soon(self._stop)

    async def _stop(self) -> None:
        reply = await self.job.stop()
        # Linearizable: by now the provider is closed, and what was said is stored.
        assert self.house.model.open_connections == 0
        if reply.ending.response is not None and not reply.ending.unsaved:
            assert reply.ending.response in self.house.records.closed
        self.stops.append(reply)

    def end_the_process(self) -> None:
        """As far as one job hears of the act."""
        self.nursery.start_soon(failed, self.house.job(self.job))

    def lose_the_disk(self) -> None:
        self.house.records.down = True

    def find_the_disk(self) -> None:
        self.house.records.down = False

    async def settle(self) -> None:
        await wait_all_tasks_blocked()

    def rush(self) -> None:
        """Many things at the same moment."""
        for _ in range(self.draw(st.integers(2, 4))):
            self.draw(st.sampled_from([self.say, self.subscribe, self.think, self.drop]))()

    def bring_to_the_end(self) -> None:
        self.go_on()
        self.finish()
        starts: tuple[Start, ...] = ("beginning", "snapshot")
        for start in starts:
            self.join(start)


async def play(data: st.DataObject, kind: type[Machine] = Machine) -> None:
    with trio.fail_after(300):  # of the mock clock's seconds: nothing waits for ever
        await play_to_the_end(data, kind)


async def play_to_the_end(data: st.DataObject, kind: type[Machine]) -> None:
    async with open_house() as house:
        async with trio.open_nursery() as nursery:
            machine = kind(data.draw, house, nursery)
            for _ in range(data.draw(st.integers(1, 60))):
                rule = data.draw(st.sampled_from(machine.rules()))
                if (waiting := rule()) is not None:
                    await waiting
            machine.bring_to_the_end()
        await check(machine)


async def check(machine: Machine) -> None:
    status = await machine.job.status()
    ending = (await machine.job.stop()).ending
    if ending.request is None:
        assert isinstance(ending, Failed | Stopped)
        return
    content = json.decode(json.encode(status.snapshot.content))
    assert len({reader.client.terminal for reader in machine.readers} - {None}) == 1
    for reader in machine.readers:
        check_reader(reader, content)
    if ending.response is not None:
        told = list(to_builtins(ending.response.content))
        error = [to_builtins(ErrorPart(ending.message))] if isinstance(ending, Failed) else []
        assert told == [*content, *error]
        assert ending.unsaved or ending.response in machine.house.records.closed
    assert all(reply.ending == ending for reply in machine.stops)
    assert len(machine.house.records.closed) <= 1
    assert ending.response is not None or isinstance(ending, Stopped)


def check_reader(reader: Reader, content: Any) -> None:
    """Once, in order, to the end; no reader missed an event."""
    client = reader.client
    if not client.seqs:
        assert isinstance(reader.start, Cursor)  # the reader had had everything
        return
    assert client.seqs == list(range(client.seqs[0], client.seqs[-1] + 1))
    assert client.terminal
    if client.knows:
        assert client.content == content
    if reader.start == "beginning":
        assert client.seqs[0] == 1
        assert not client.syncs
    if isinstance(reader.start, Cursor) and not client.syncs:
        assert reader.start[:2] == (reader.job.job_id, FIRST_EPOCH)
        assert client.seqs[0] == reader.start.seq + 1


@settings(max_examples=300, deadline=None)
@given(st.data(), st.random_module())
def test_the_promise_holds_in_every_order(data: st.DataObject, random: object) -> None:
    trio.run(play, data, clock=MockClock(autojump_threshold=0))
