"""Memory of parked runs, the time to find them at a start, and the time to wake many at once.

    python -m benchmarks.parked_runs [RUNS]

A first process has one run that waits for leave to call a tool, and is left; the run's log and
question are copied, under other ids, into the same SQLite file.  A second process finds the runs
at its start: its memory is measured before and after.  Then a thousand of them are asked for their
status at once, and one after another.  All times are the process's own seconds on a core, and the
clock's: on a machine with other work, only the first say what a run costs.
"""

import gc
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

import trio
from msgspec.structs import replace
from ulid import ULID

from legato.actors.conversation.turn import Turn
from legato.actors.lifespan import open_supervisor
from legato.actors.local_jobs import LocalJobs
from legato.actors.resources import JobResources
from legato.actors.supervisor import Supervisor
from legato.agents.run import AgentRuns
from legato.config import Limits
from legato.content import Conversation, Message
from legato.dialects.librechat import LibreChat
from legato.events import AnyEvent, Asked, Created
from legato.models.scripted import ScriptedModel
from legato.storage.contracts.journal import Entries, Journal
from legato.storage.open import Storage, open_storage
from tests.support.agents import CountedTool, ListToolbox, agent, call, calls

RUNS: Final = 10_000
AT_ONCE: Final = 1000
BATCH: Final = 500
HELPER: Final = replace(
    agent("helper", calls(call("write", text="a"), text="Let me. "), {"text": "Done."}),
    tools=("write",),
    approval={"*": "ask"},
)


@asynccontextmanager
async def open_process(storage: Storage) -> AsyncIterator[Supervisor]:
    models = {"scripted": ScriptedModel()}
    async with open_supervisor(
        JobResources(
            records=storage.records,
            models=models,
            dialects={"librechat": LibreChat},
            limits=Limits(store_timeout=120.0),
            runs=AgentRuns(models, ListToolbox(CountedTool("write"))),
        ),
        journal=storage.journal,
    ) as supervisor:
        yield supervisor


def new_turn(user: str) -> Turn:
    ids = [str(uuid4()) for _ in range(4)]
    return Turn(
        job_id=str(ULID()),
        conversation_id=ids[0],
        message_id=ids[1],
        response_id=ids[2],
        request_id=ids[3],
        user=user,
        model="scripted",
        text="Write that down.",
        agents=(HELPER,),
    )


async def waiting_log(url: str) -> list[AnyEvent]:
    """The log of a run that waits, from a process that is gone."""
    async with open_storage(url) as storage, open_process(storage) as supervisor:
        turn = new_turn("first")
        job = LocalJobs(supervisor).start_now(turn, "interrupt").job
        while not (await job.status()).snapshot.open_asks:  # noqa: ASYNC110
            await trio.sleep(0.05)
        await supervisor.written()
        kept = await journal_of(storage).read(turn.job_id)
        await supervisor.close_conversation(turn.conversation_id)
        return [event for entries in kept.entries for event in entries.events]


def journal_of(storage: Storage) -> Journal:
    assert storage.journal is not None, "an SQLite file has one"
    return storage.journal


async def copied(storage: Storage, journal: Journal, log: list[AnyEvent], count: int) -> None:
    for begun in range(0, count, BATCH):
        batch = [new_turn(f"user-{number // 20}") for number in range(begun, begun + BATCH)]
        for turn in batch:
            question = Message(
                message_id=turn.message_id, conversation_id=turn.conversation_id, text=turn.text
            )
            conversation = Conversation(conversation_id=turn.conversation_id, user=turn.user)
            await storage.records.open_turn(conversation, question, request_id=turn.request_id)
        await journal.append([Entries(t.job_id, 1, 1, tuple(logged(t, log))) for t in batch])


def logged(turn: Turn, log: list[AnyEvent]) -> Iterator[AnyEvent]:
    """The log as the run of that turn would have it."""
    for event in log:
        match event:
            case Created(request=request, turn=first):
                assert first is not None
                ids = {
                    name: getattr(turn, name)
                    for name in ("job_id", "conversation_id", "message_id", "response_id", "user")
                }
                request = replace(
                    request, message_id=turn.message_id, conversation_id=turn.conversation_id
                )
                asked = replace(first, request_id=turn.request_id, **ids)
                yield replace(event, request=request, response_id=turn.response_id, turn=asked)
            case Asked(index=index):
                yield replace(event, ask_id=f"ask_{turn.response_id}_{index}_0")
            case _:
                yield event


def resident() -> int:
    """Bytes of memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


@contextmanager
def timed(what: str, count: int) -> Iterator[None]:
    clock, cpu = time.perf_counter(), time.process_time()
    yield
    clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
    each = f"{cpu / count * 1000:.2f} ms of a core each"
    print(f"{what}: {count} in {clock:.1f} s by the clock, {cpu:.1f} s of a core, {each}")


async def measured(url: str, count: int) -> None:
    async with open_storage(url) as storage:
        gc.collect()
        before = resident()
        with timed("found at a start", count):
            process = open_process(storage)
            supervisor = await process.__aenter__()
        gc.collect()
        assert len(supervisor.registry.parked) == count
        print(f"memory of a parked run: {(resident() - before) / count:.0f} bytes")
        await woken(supervisor)
        await process.__aexit__(None, None, None)


async def woken(supervisor: Supervisor) -> None:
    found = [supervisor.whereis(job_id) for job_id in supervisor.registry.parked]
    jobs = [job for job in found if job is not None]
    with timed("woken at once", len(jobs[:AT_ONCE])):
        async with trio.open_nursery() as nursery:
            for job in jobs[:AT_ONCE]:
                nursery.start_soon(job.status)
    with timed("woken one by one", len(jobs[AT_ONCE : AT_ONCE + 100])):
        for job in jobs[AT_ONCE : AT_ONCE + 100]:
            await job.status()


async def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/legato.db"
        log = await waiting_log(url)
        async with open_storage(url) as storage:
            await copied(storage, journal_of(storage), log, count)
        await measured(url, count)


if __name__ == "__main__":
    trio.run(main, int(sys.argv[1]) if len(sys.argv) > 1 else RUNS)
