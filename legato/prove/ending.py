"""The end of a simulation: all faults are over, all comes to rest, and everything is compared."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import trio
from msgspec import json, to_builtins

from legato.actors.replay import Replay
from legato.content import Message, TextPart, ThinkPart
from legato.events import AnyEnding, Cursor, Finished
from legato.models.contract import ReasoningChunk, TextChunk
from legato.prove.exemptions import GRACE
from legato.prove.model import Known
from legato.prove.readers import Reader
from legato.prove.rules.reading import read
from legato.prove.simulation import Simulation
from legato.storage.contract import Kept

REST: Final = 100.0
"""Seconds in which all comes to rest once all faults are over."""

NOTED: Final = 3.0  # seconds in which what is to be noted after an ending is


async def come_to_rest(sim: Simulation) -> None:
    """Be without faults until nothing runs and everybody has an ending."""
    sim.model.note("all faults are over")
    for seat in sim.open_seats():
        sim.come_back(seat)
    for seat in sim.replicas.seats:
        seat.replication.heal()
    sim.replicas.records.heal()
    await trio.sleep(GRACE)
    for known in sim.model.jobs:
        if not known.is_deleted:
            read(sim, known, "beginning", sim.open_seat(known.asked.number))
    with trio.move_on_after(REST):
        while not _is_over(sim):
            sim.provider.finish_all()
            await trio.sleep(0.5)
    for reader in sim.readers:
        if not reader.is_done:
            name = sim.model.name(reader.job_id)
            sim.model.breach("ending", f"{reader.name} of {name} has no ending after {REST:g} s")
            reader.give_up()
    await trio.sleep(NOTED)


def _is_over(sim: Simulation) -> bool:
    """Nothing runs, and nobody waits."""
    runs = {"waiting", "begun"} & set(sim.replicas.world.stages.values())
    return not runs and all(reader.is_done for reader in sim.readers)


async def compare(sim: Simulation) -> None:
    """Check all that was seen against the one hireplay that there is."""
    for seat in sim.open_seats():
        if list(await seat.jobs.active("ann")):
            sim.model.breach("active", f"at {sim.name(seat)} a job is active after all have ended")
    if sim.provider.connections:
        names = ", ".join(sim.model.name(each.job_id) for each in sim.provider.connections)
        sim.model.breach("connections", f"the provider still has connections for {names}")
    _compare_requests(sim)
    for known in sim.model.jobs:
        if not known.is_deleted:
            await _Comparison(sim, known).run()


def _compare_requests(sim: Simulation) -> None:
    """A repeated request never makes a second generation."""
    begun: dict[str, str] = {}
    for each in sim.provider.former:
        request_id = sim.model.asked[each.job_id].request_id
        if request_id is not None and begun.setdefault(request_id, each.job_id) != each.job_id:
            names = f"{sim.model.name(begun[request_id])} and {sim.model.name(each.job_id)}"
            sim.model.breach("request", f"request {request_id} has two generations, {names}")


class _Comparison:
    """What everybody was told of one job."""

    def __init__(self, sim: Simulation, known: Known) -> None:
        self._sim = sim
        self._known = known
        self._job_id = known.asked.job_id
        self._readers = [each for each in sim.readers if each.job_id == self._job_id]

    async def run(self) -> None:
        endings = await self._endings()
        if not endings:
            return
        ending = endings[0]
        told_of = [*endings, *(each.ending for each in self._known.stops), *self._known.endings]
        if any(alike(each) != alike(ending) for each in told_of):
            kinds = ", ".join(sorted({type(each).__name__ for each in told_of}))
            self._breach("one ending", f"not all are told the same ending ({kinds})")
        if len({_last(reader) for reader in self._readers if reader.client.terminal}) > 1:
            self._breach("one ending", "readers have different endings")
        if ending.request is not None:
            await self._compare_stored(ending)
            self._compare_hireplay(ending)

    def _breach(self, check: str, words: str) -> None:
        self._sim.model.breach(check, f"{self._known.name}: {words}")

    async def _endings(self) -> Sequence[AnyEnding]:
        """Of the same job at every replica."""
        found = []
        for seat in self._sim.open_seats():
            job = await seat.jobs.whereis("ann", self._job_id)
            if job is None:
                self._breach("found", f"it is not found at {self._sim.name(seat)} in the end")
            else:
                found.append((await job.stop()).ending)
        return found

    async def _compare_stored(self, ending: AnyEnding) -> None:
        messages = await self._sim.replicas.records.messages(self._known.asked.conversation)
        stored = {each.message_id: each for each in messages}
        assert ending.request is not None
        question = stored.get(ending.request.message_id)
        if question is None or question.text != self._known.asked.text:
            self._breach("stored", "its question is not stored")
        if ending.response is not None:
            self._compare_answer(ending, ending.response, stored)

    def _compare_answer(
        self, ending: AnyEnding, response: Message, stored: Mapping[str, Message]
    ) -> None:
        answer = stored.get(response.message_id)
        if answer is None:
            self._breach("stored", "its answer is not stored")
        elif (answer.content, answer.unfinished) != (response.content, response.unfinished):
            self._breach("stored", "its stored answer is not what was said")
        for kind, part, name in (
            (TextChunk, TextPart, "text"),
            (ReasoningChunk, ThinkPart, "think"),
        ):
            parts = [
                getattr(each, name) for each in response.content or () if isinstance(each, part)
            ]
            whole = isinstance(ending, Finished) and ending.reason == "stop"
            if not self._was_said("".join(parts), kind, whole=whole):
                self._breach("said", f"its answer is not what the provider said ({name})")

    def _was_said(self, text: str, kind: type[TextChunk | ReasoningChunk], *, whole: bool) -> bool:
        """Whether each of the model's connections said a part of it, from that one's start on."""
        left = 0
        for connection in self._sim.provider.former:
            if connection.job_id == self._job_id:
                said = [each.text for each in connection.said if isinstance(each, kind)]
                taken = 0
                while taken < len(said) and text.startswith(said[taken]):
                    text = text.removeprefix(said[taken])
                    taken += 1
                left = len(said) - taken
        return not text and not (whole and left)

    def _compare_hireplay(self, ending: AnyEnding) -> None:
        volume = self._sim.replicas.world.volumes.get(self._job_id)
        if volume is None:
            self._breach("journal", "the journal does not have it")
            return
        if not volume.settled:
            self._breach("journal", "the journal does not know that it is settled")
        replay = Replay(Kept(volume.entries))
        if replay.ending is None or alike(replay.ending) != alike(ending):
            self._breach("journal", "the journal has another ending")
            return
        for reader in self._readers:
            if reader.client.terminal:
                self._compare_reader(reader, replay)

    def _compare_reader(self, reader: Reader, replay: Replay) -> None:
        """Once, in order, to the end; a snapshot where what it had seen is lost, and only there."""
        client, first, last = reader.client, reader.client.seqs[0], reader.client.seqs[-1]
        if client.seqs != [*range(first, last + 1)]:
            self._breach("order", f"{reader.name} saw the events {client.seqs}")
        if last != len(replay.events):
            self._breach(
                "order", f"{reader.name} has the ending at {last}, not {len(replay.events)}"
            )
        if client.knows and client.content != json.decode(json.encode(replay.fold.content())):
            self._breach("content", f"{reader.name} saw another content than there is")
        if (
            not client.syncs
            and first != (reader.start.seq + 1 if isinstance(reader.start, Cursor) else 1)
            and reader.start != "snapshot"
        ):
            self._breach("order", f"{reader.name} began at {first}")
        held = [each for each in reader.missed if _held(each, replay)]
        if held and not self._sim.model.has_forgotten:
            self._breach(
                "snapshot", f"{reader.name} got a snapshot after {held[0].seq}, which is kept"
            )


def alike(ending: AnyEnding) -> Any:
    """Without what storing it once more changes."""
    return to_builtins(ending) | {"conversation": None}


def _last(reader: Reader) -> bytes:
    body = dict(reader.client.frames[-1]) | {"conversation": None}
    return json.encode([reader.client.seqs[-1], body])


def _held(cursor: Cursor, replay: Replay) -> bool:
    """Whether what it speaks of is in the hireplay."""
    epochs = [epoch for epoch in replay.former if epoch <= cursor.epoch]
    return bool(epochs) and cursor.seq <= replay.former[max(epochs)]
