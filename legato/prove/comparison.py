"""Compares all replies and streams of a job with the job's only history."""

from collections.abc import Collection, Mapping, Sequence
from itertools import count
from typing import Any

from msgspec import json, to_builtins

from legato.actors.durability.replay import Replay
from legato.actors.ending import RESTART
from legato.content import Message, TextPart, ThinkPart
from legato.events import (
    AnyEnding,
    AnyEvent,
    Cursor,
    Failed,
    Finished,
    ModelCallEnded,
    Queued,
)
from legato.models.contract import ReasoningChunk, TextChunk
from legato.prove.client import SimulatedClient
from legato.prove.exemptions import Exemption
from legato.prove.model import KnownJob
from legato.prove.readers import SimulatedReader
from legato.prove.runs import check_results
from legato.prove.simulation import Simulation
from legato.storage.contracts.journal import Kept


class Comparison:
    """Compares all replies and streams of a job."""

    def __init__(self, sim: Simulation, known: KnownJob) -> None:
        self._sim = sim
        self._known = known
        self._job_id = known.asked.job_id
        self._readers = [each for each in sim.readers if each.job_id == self._job_id]

    async def run(self) -> None:
        endings = await self._endings()
        if not endings:
            return
        ending = endings[0]
        self.compare_endings(endings)
        if ending.request is not None:
            await self._compare_stored(ending)
            self._compare_journal(ending)
        elif (
            self._was_accepted()
            and isinstance(ending, Failed)
            and ending.reason == RESTART.reason
            and not self._may_have_lost_the_log()
        ):
            self._breach("accepted", "a client was told that it waits, and it was never asked")

    def compare_endings(self, endings: Sequence[AnyEnding] = ()) -> None:
        """Check that everybody was told the same ending, also of a job that is deleted by now."""
        stops = [each.ending for each in self._known.stops]
        told_of = [*endings, *stops, *self._known.endings]
        if any(alike(each) != alike(told_of[0]) for each in told_of):
            kinds = ", ".join(sorted({type(each).__name__ for each in told_of}))
            self._breach("one ending", f"not all are told the same ending ({kinds})")
        if len({last_of(each.client) for each in self._readers if each.client.terminal}) > 1:
            self._breach("one ending", "readers have different endings")

    def _breach(self, check: str, words: str) -> None:
        self._sim.model.breach(check, f"{self._known.name}: {words}")

    def _was_accepted(self) -> bool:
        """Whether a client was told that the job begins, or waits for a turn."""
        replies = self._known.replies
        is_told = any(
            each.status == "queued" or each.dropped_messages is not None for each in replies
        )
        return is_told or self._known.asked.follows is not None

    def _may_have_lost_the_log(self) -> bool:
        """Whether the run may have been parked when the shared storage forgot the log."""
        is_run = bool(self._known.asked.agents)
        return is_run and self._sim.has_lost and self._sim.exempts(Exemption.PARKED)

    async def _endings(self) -> Sequence[AnyEnding]:
        """Ask every replica for the job's ending."""
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
        texts = self._sim.queue.texts(self._known.asked)
        if question is None or question.text not in texts:
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
        whole = isinstance(ending, Finished) and ending.reason == "stop"
        check_results(self._sim, response, self._known.name, is_whole=whole)
        for kind, part, name in (
            (TextChunk, TextPart, "text"),
            (ReasoningChunk, ThinkPart, "think"),
        ):
            parts = [
                getattr(each, name) for each in response.content or () if isinstance(each, part)
            ]
            if not self._was_said("".join(parts), kind, whole=whole):
                self._breach("said", f"its answer is not what the provider said ({name})")

    def _was_said(self, text: str, kind: type[TextChunk | ReasoningChunk], *, whole: bool) -> bool:
        """Whether the text is made of pieces, each from the beginning of a connection's words."""
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

    def _compare_journal(self, ending: AnyEnding) -> None:
        stored_log = self._sim.replicas.world.stored_logs.get(self._job_id)
        if stored_log is None:
            self._breach("journal", "the journal does not have it")
            return
        if not stored_log.marked_done:
            self._breach("journal", "the journal does not know that it is done")
        replay = Replay(Kept(stored_log.entries))
        if replay.ending is None or alike(replay.ending) != alike(ending):
            fields = _differing(replay.ending, ending)
            self._breach("journal", f"the journal has another ending, by {fields}")
            return
        if not self._sim.has_lost:
            self._compare_words(ending, replay)
        for reader in self._readers:
            if reader.client.terminal:
                self._compare_reader(reader, replay)

    def _compare_words(self, ending: AnyEnding, replay: Replay) -> None:
        """Compare the steers and asks with all that clients and models were told."""
        if self._job_id in self._sim.steers:
            steers = self._sim.steers[self._job_id]
            steers.compare(replay.events, replay.snapshot, ending)
        is_whole = isinstance(ending, Finished) and ending.reason == "stop"
        if replay.snapshot.asks:
            asks = self._sim.asks[self._job_id]
            asks.compare(replay.snapshot, self._sim.tools, is_whole=is_whole)

    def _has_call_ended(self) -> bool:
        """Whether an owner may have said the end of a model call, also one that was lost."""
        calls = [each for each in self._sim.provider.former if each.job_id == self._job_id]
        return any(each.has_finished for each in calls)

    def _compare_reader(self, reader: SimulatedReader, replay: Replay) -> None:
        """Once, in order, to the end; a snapshot only where the events before the cursor are
        lost."""
        client, name = reader.client, reader.name
        first, last = client.seqs[0], client.seqs[-1]
        if not told_in_order(client, replay.events):
            self._breach("order", f"{name} saw the events {client.seqs}")
        if last != len(replay.events):
            self._breach("order", f"{name} has the ending at {last}, not {len(replay.events)}")
        if client.knows and client.content != json.decode(json.encode(replay.fold.content())):
            self._breach("content", f"{name} saw another content than there is")
        if not client.syncs and first not in _beginnings(reader, replay):
            self._breach("order", f"{name} began at {first}")
        unseen = int(self._has_call_ended())
        held = [each.seq for each in reader.missed if _held(each, replay, unseen)]
        if held:
            self._breach("snapshot", f"{name} got a snapshot after {held[0]}, which is kept")


def _beginnings(reader: SimulatedReader, replay: Replay) -> Sequence[int]:
    """Positions at which a reader without a snapshot may have begun."""
    if reader.start == "snapshot":
        return range(len(replay.events) + 1)
    seen = reader.start.seq if isinstance(reader.start, Cursor) else 0
    without_frame = _without_frame(replay.events)
    return [next(seq for seq in count(seen + 1) if seq not in without_frame)]


def _silent(replay: Replay) -> int:
    """How many events at the beginning have no frame: each says that the turn waits."""
    return sum(isinstance(each, Queued) for each in replay.events)


def _differing(one: AnyEnding | None, other: AnyEnding) -> str:
    """The names of the fields in which two endings are not the same."""
    if type(one) is not type(other):
        return f"kind: {type(one).__name__}, not {type(other).__name__}"
    ours, theirs = alike(one), alike(other)
    return ", ".join(name for name in ours if ours[name] != theirs.get(name))


def alike(ending: AnyEnding | None) -> Any:
    """The ending without the fields that a later or repeated write changes."""
    return to_builtins(ending) | {"conversation": None, "unsaved": False}


def last_of(client: SimulatedClient) -> bytes:
    """The ending's frame, likewise; the title is the conversation's."""
    body = dict(client.frames[-1])
    body |= {"conversation": None, "title": None, "unsaved": False}
    return json.encode([client.seqs[-1], body], order="deterministic")


def told_in_order(client: SimulatedClient, events: Sequence[AnyEvent]) -> bool:
    """Whether the client saw every event with a frame once, from the client's first one on."""
    without_frame = _without_frame(events)
    seen = [seq for seq in client.seqs if seq not in without_frame]
    all_seqs = range(client.seqs[0], client.seqs[-1] + 1)
    return seen == [seq for seq in all_seqs if seq not in without_frame]


def _without_frame(events: Sequence[AnyEvent]) -> Collection[int]:
    """The positions of the events that front ends are not told of."""
    return {seq for seq, each in enumerate(events, 1) if isinstance(each, Queued | ModelCallEnded)}


def _held(cursor: Cursor, replay: Replay, unseen: int) -> bool:
    """Whether the history holds the events up to the cursor, and `unseen` events behind: the end of
    a model call has no frame, and the reader's connection may have come past it."""
    epochs = [epoch for epoch in replay.previous_epochs if epoch <= cursor.epoch]
    return bool(epochs) and cursor.seq + unseen <= replay.previous_epochs[max(epochs)]
