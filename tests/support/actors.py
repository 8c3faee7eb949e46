"""The real thing with a model and a storage that a test plays: no patching, no sleeps."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import trio

from legato.actors.conversation.turn import Turn
from legato.actors.job import Job
from legato.actors.lifespan import open_supervisor
from legato.actors.local_jobs import LocalJobs
from legato.actors.mailbox import ActorRef
from legato.actors.ref import JobRef
from legato.actors.resources import JobResources
from legato.actors.supervisor import Supervisor
from legato.config import Limits
from legato.dialects.librechat import LibreChat
from legato.models.contract import (
    FinishReport,
    Json,
    ModelError,
    ModelEvent,
    ModelRequest,
    TextChunk,
)
from legato.prove.client import SimulatedClient
from legato.prove.records import FaultyRecords as FlakyRecords
from legato.prove.seats import C1, C2
from legato.storage.contracts.errors import StorageError, UnstorableText
from legato.storage.contracts.journal import Entries, Journal, Refusal
from legato.storage.memory.journal import JournalStore, MemoryJournal
from tests.support.numbers import Numbers

__all__ = [
    "C1",
    "C2",
    "FlakyJournal",
    "FlakyRecords",
    "House",
    "PlayedModel",
    "SimulatedClient",
    "crash",
    "open_house",
]


class PlayedModel:
    """Says what the test has it say; knows whether its connection is open."""

    name = "played"
    max_context_tokens = 1000
    writes_titles = False
    continues = True
    reads_images = True

    def __init__(self) -> None:
        self.requests: list[ModelRequest] = []
        self.open_connections = 0
        self._send, self._receive = trio.open_memory_channel[Sequence[ModelEvent] | Exception](999)

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def check(self, parameters: Mapping[str, Json]) -> None:
        pass

    def play(self, *chunks: ModelEvent) -> None:
        self._send.send_nowait(chunks)

    def say(self, text: str) -> None:
        self.play(TextChunk(text))

    def finish(self, reason: str = "stop") -> None:
        self.play(FinishReport(reason))

    def fail(self, error: Exception | None = None) -> None:
        self._send.send_nowait(error or ModelError("provider_error", "The provider fell over."))

    @asynccontextmanager
    async def stream(
        self, request: ModelRequest
    ) -> AsyncIterator[AsyncIterator[Sequence[ModelEvent]]]:
        self.requests.append(request)
        self.open_connections += 1
        try:
            async with aclosing(self._batches()) as batches:
                yield batches
        finally:
            self.open_connections -= 1

    async def _batches(self) -> AsyncGenerator[Sequence[ModelEvent], None]:
        while True:
            batch = await self._receive.receive()
            if isinstance(batch, Exception):
                raise batch
            yield batch
            if any(isinstance(chunk, FinishReport) for chunk in batch):
                return


class SlowToClose(PlayedModel):
    """Its connection takes that many seconds to close."""

    def __init__(self, seconds: float = 5) -> None:
        super().__init__()
        self._seconds = seconds

    @asynccontextmanager
    async def stream(
        self, request: ModelRequest
    ) -> AsyncIterator[AsyncIterator[Sequence[ModelEvent]]]:
        async with super().stream(request) as batches:
            try:
                yield batches
            finally:
                with trio.CancelScope(shield=True):
                    await trio.sleep(self._seconds)


class FlakyJournal(MemoryJournal):
    """A journal in memory that fails while `down`, waits while held, and cannot keep some jobs."""

    def __init__(self, journal_store: JournalStore | None = None) -> None:
        super().__init__(journal_store)
        self.down = False
        self.free = trio.Event()
        self.free.set()
        self.batches: list[Sequence[Entries]] = []
        self.unkeepable: set[str] = set()  # ids of jobs
        self.marks_done = True  # whether it can mark a job as done

    async def append(self, batch: Sequence[Entries]) -> Sequence[Refusal]:
        await self._usable()
        if any(entries.job_id in self.unkeepable for entries in batch):
            raise UnstorableText("half a character")
        self.batches.append(batch)
        return await super().append(batch)

    async def mark_done(self, job_ids: Sequence[str]) -> None:
        await self._usable()
        if not self.marks_done:
            raise StorageError("the disk is full")
        await super().mark_done(job_ids)

    def hold(self) -> None:
        self.free = trio.Event()

    def release(self) -> None:
        self.free.set()

    async def _usable(self) -> None:
        await self.free.wait()
        if self.down:
            raise StorageError("the disk is full")


class House:
    """A supervisor on played parts."""

    def __init__(self, supervisor: Supervisor, model: PlayedModel, records: FlakyRecords) -> None:
        self.supervisor = supervisor
        self.jobs = LocalJobs(supervisor)
        self.model = model
        self.records = records
        self._count = 0

    def turn(self, **fields: Any) -> Turn:
        self._count += 1
        given = {
            "job_id": f"01M846XJQTHKRR16F0RWQP{self._count:04}",
            "conversation_id": C1,
            "message_id": f"question-{self._count}",
            "response_id": f"answer-{self._count}",
            "user": "ann",
            "model": "played",
            "text": "hello",
        }
        return Turn(**(given | fields))

    def job(self, ref: JobRef) -> Job:
        """The actor itself, for what no message can reach."""
        found = self.supervisor.registry.find(ref.job_id)
        assert found is not None
        return found

    def start(self, on_busy: Any = "interrupt", **fields: Any) -> JobRef:
        return self.jobs.start_now(self.turn(**fields), on_busy).job


async def crash(job: JobRef) -> None:
    """Send it what only a bug could send."""
    actor: ActorRef[Any] = job._actor  # type: ignore[attr-defined]
    await actor.tell("what no job understands")


@asynccontextmanager
async def open_house(
    *,
    frees: bool = True,
    records: FlakyRecords | None = None,
    journal: Journal | None = None,
    model: PlayedModel | None = None,
    **limits: Any,
) -> AsyncIterator[House]:
    """A house whose storage works again when it closes, if it `frees` it."""
    model, records = model or PlayedModel(), records or FlakyRecords()
    async with open_supervisor(
        JobResources(
            records=records,
            models={"played": model},
            dialects={"librechat": LibreChat, "numbers": Numbers},
            limits=Limits(**limits),
        ),
        journal=journal,
    ) as supervisor:
        try:
            yield House(supervisor, model, records)
        finally:
            if frees:
                records.down = False
                records.release()
