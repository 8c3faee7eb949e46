"""The real thing with a model and a storage that a test plays: no patching, no sleeps."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import trio
from msgspec import json

from legato.actors.job import Job
from legato.actors.mailbox import ActorRef
from legato.actors.ref import JobRef
from legato.actors.supervision import open_supervisor
from legato.actors.supervisor import Supervisor
from legato.actors.turn import Turn
from legato.config import Limits
from legato.content import Conversation, Message
from legato.dialects.librechat import LibreChat
from legato.events import Cursor
from legato.models.contract import (
    FinishReport,
    Json,
    ModelError,
    ModelEvent,
    ModelRequest,
    TextChunk,
)
from legato.storage.contract import Entries, Journal, Refusal, StorageError, UnstorableText
from legato.storage.memory import MemoryRecords
from legato.storage.memory_journal import MemoryJournal, Shelf
from tests.actors.numbers import Numbers

C1 = "11111111-1111-4111-8111-111111111111"
C2 = "22222222-2222-4222-8222-222222222222"


class PlayedModel:
    """Says what the test has it say; knows whether its connection is open."""

    name = "played"
    max_context_tokens = 1000
    writes_titles = False
    continues = True

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


class FlakyRecords(MemoryRecords):
    """Memory records that fail while `down`, wait while held, and come back when `returning`."""

    def __init__(self) -> None:
        super().__init__()
        self.down = False
        self.untitled = False
        self.unstorable = False
        self.free = trio.Event()
        self.free.set()
        self.unread = trio.Event()  # until it is set, no messages are read
        self.unread.set()
        self.returning = trio.Event()
        self.returning.set()
        self.closed: list[Message] = []
        self.gone_after: int | None = None  # so many looks a conversation is gone

    async def conversation(self, conversation_id: str) -> Conversation | None:
        if self.gone_after is not None:
            self.gone_after -= 1
            if self.gone_after < 0:
                return None
        return await super().conversation(conversation_id)

    async def messages(self, conversation_id: str) -> list[Message]:
        await self.unread.wait()
        return await super().messages(conversation_id)

    async def open_turn(
        self, conversation: Conversation, message: Message, *, request_id: str | None = None
    ) -> Conversation:
        await self._usable()
        opened = await super().open_turn(conversation, message, request_id=request_id)
        with trio.CancelScope(shield=True):
            await self.returning.wait()
        return opened

    async def close_turn(self, message: Message, *, job_id: str) -> Conversation | None:
        await self._usable()
        if self.unstorable:
            raise UnstorableText("half a character")
        stored = await super().close_turn(message, job_id=job_id)
        self.closed.append(message)
        return stored

    async def retitle(
        self, conversation_id: str, title: str, *, if_untitled: bool = False
    ) -> Conversation | None:
        if self.untitled:
            raise StorageError("no titles today")
        return await super().retitle(conversation_id, title, if_untitled=if_untitled)

    def hold(self) -> None:
        self.free = trio.Event()

    def release(self) -> None:
        self.free.set()

    def abandon(self) -> None:
        self.down = True
        self.release()

    async def _usable(self) -> None:
        with trio.CancelScope(shield=True):  # as the thread of a real one would
            await self.free.wait()
        if self.down:
            raise StorageError("the disk is full")


class FlakyJournal(MemoryJournal):
    """A journal in memory that fails while `down`, waits while held, and cannot keep some jobs."""

    def __init__(self, shelf: Shelf | None = None) -> None:
        super().__init__(shelf)
        self.down = False
        self.free = trio.Event()
        self.free.set()
        self.batches: list[Sequence[Entries]] = []
        self.unkeepable: set[str] = set()  # ids of jobs
        self.settles = True  # whether it can note that a job is settled

    async def append(self, batch: Sequence[Entries]) -> Sequence[Refusal]:
        await self._usable()
        if any(entries.job_id in self.unkeepable for entries in batch):
            raise UnstorableText("half a character")
        self.batches.append(batch)
        return await super().append(batch)

    async def settle(self, job_ids: Sequence[str]) -> None:
        await self._usable()
        if not self.settles:
            raise StorageError("the disk is full")
        await super().settle(job_ids)

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
        return self.supervisor.start(self.turn(**fields), on_busy).job


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
    **limits: Any,
) -> AsyncIterator[House]:
    """A house whose storage works again when it closes, if it `frees` it."""
    model, records = PlayedModel(), records or FlakyRecords()
    async with open_supervisor(
        records=records,
        models={"played": model},
        dialects={"librechat": LibreChat, "numbers": Numbers},
        limits=Limits(**limits),
        journal=journal,
    ) as supervisor:
        try:
            yield House(supervisor, model, records)
        finally:
            if frees:
                records.down = False
                records.release()


class Client:
    """What a front end makes of the frames: it knows the wire, and nothing of our fold."""

    def __init__(self, cursor: Cursor | None = None) -> None:
        """With a cursor: one that has seen everything up to there, and forgotten it."""
        self.cursor = cursor
        self.knows = cursor is None
        self.seqs: list[int] = []
        self.syncs = 0
        self.frames: list[Mapping[str, Any]] = []
        self.content: list[dict[str, Any]] = []
        self.terminal: bytes | None = None
        self._indexes: dict[str, int] = {}

    def feed(self, data: bytes) -> None:
        assert data.endswith(b"\n\n"), "whole frames in every write"
        for frame in data.removesuffix(b"\n\n").split(b"\n\n"):
            self._frame(frame)

    def _frame(self, frame: bytes) -> None:
        fields = dict(line.split(b": ", 1) for line in frame.split(b"\n"))
        body = json.decode(fields[b"data"])
        self.cursor = Cursor.parse(fields[b"id"].decode())
        assert self.terminal is None, "nothing comes after the ending"
        self.frames.append(body)
        if body.get("sync"):
            self._sync(body["resumeState"])
            return
        self.seqs.append(self.cursor.seq)
        if "created" in body:
            self.content = body.get("keptContent", [])
        if "final" in body or fields[b"event"] == b"error":
            self.terminal = frame
        elif "event" in body and self.knows:
            self._apply(body["event"], body["data"])

    def _sync(self, state: Any) -> None:
        self.syncs += 1
        self.knows = True
        self.seqs = [] if self.cursor is None else [self.cursor.seq]
        self._indexes = {step["id"]: step["index"] for step in state["runSteps"]}
        self.content = state["aggregatedContent"]

    def _apply(self, event: str, data: Any) -> None:
        if event == "on_run_step":
            self._step(data)
            return
        part = self.content[self._indexes[data["id"]]]
        if event == "on_run_step_delta":
            part["tool_call"]["args"] += data["delta"]["tool_calls"][0]["args"]
        else:
            (delta,) = data["delta"]["content"]
            kind = delta["type"]
            assert part.setdefault("type", kind) == kind
            part[kind] = part.get(kind, "") + delta[kind]

    def _step(self, step: Any) -> None:
        self._indexes[step["id"]] = step["index"]
        calls = step["stepDetails"].get("tool_calls")
        if step["index"] == len(self.content):
            self.content.append({"type": "tool_call", "tool_call": calls[0]} if calls else {})
