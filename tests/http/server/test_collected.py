"""Recovered jobs are garbage-collected after they leave, though the first objects never are."""

import gc
from pathlib import Path
from weakref import ref

import trio
import trio.testing
from msgspec.structs import replace

from legato.content import Conversation, Message
from legato.events import Created, StepStarted, TextDelta
from legato.http.application import Legato
from legato.http.server.server import run_on
from legato.http.server.signals import Shutdown
from legato.storage.contracts.journal import Entries
from legato.storage.open import open_storage
from tests.support.http.live_server import DEADLINE, SETTINGS
from tests.support.http.runtime import supervisor_of

JOB = "01M846XJQTHKRR16F0RWQP0001"
QUESTION = Message(message_id="q", conversation_id="c", text="hello")
EVENTS = (Created(QUESTION, "a", "scripted"), StepStarted(0, "text"), TextDelta(0, "so far"))


async def abandon_a_job(database_url: str) -> None:
    """Leave a job behind, as a killed process does."""
    async with open_storage(database_url) as storage:
        assert storage.journal is not None
        await storage.records.open_turn(Conversation(conversation_id="c", user="ann"), QUESTION)
        await storage.journal.append([Entries(JOB, 1, 1, EVENTS)])


async def test_a_recovered_job_that_has_left_is_collected(tmp_path: Path) -> None:
    settings = replace(SETTINGS, database_url=f"sqlite:///{tmp_path}/legato.db")
    await abandon_a_job(settings.database_url)
    shutdown, ready, apps = Shutdown(), trio.Event(), list[Legato]()

    def on_ready(app: Legato, url: str) -> None:
        apps.append(app)
        ready.set()

    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    with trio.fail_after(DEADLINE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run_on, listeners, settings, on_ready, shutdown)
            await ready.wait()
            runtime = apps[0].runtime
            assert runtime is not None
            [recovered] = [ref(job) for job in supervisor_of(runtime).registry]
            await runtime.jobs.discard(JOB)
            await supervisor_of(runtime).written()  # a thread writes that the job is forgotten
            await trio.testing.wait_all_tasks_blocked()
            gc.collect()
            assert recovered() is None
            assert gc.get_freeze_count() > 10_000, "modules and the application"
            shutdown.asked.set()
            shutdown.hurried.set()
