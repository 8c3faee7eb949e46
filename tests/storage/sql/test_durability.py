"""The contents of a database after a kill, a cancelled task, or writes by other processes."""

import sys
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from subprocess import DEVNULL, PIPE
from threading import Event

import trio
import trio.abc
import trio.testing

from legato.storage.contracts.errors import StoredTurn
from legato.storage.open import open_records
from tests.support.storage.turns import SteppedClock, answer, conversation, question

ROOT = Path(__file__).parents[3]


def writer(database_url: str, name: str, count: int) -> Sequence[str]:
    return [sys.executable, "-m", "tests.support.storage.writer", database_url, name, str(count)]


async def read_until(stream: trio.abc.ReceiveStream, end: bytes) -> None:
    found = b""
    while not found.endswith(end):
        received = await stream.receive_some()
        assert received, f"the process ended, having said {found!r}"
        found += received


class HeldClock(SteppedClock):
    """Holds the thread that reads the clock, in the middle of a transaction."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = Event()
        self.released = Event()

    def __call__(self) -> datetime:
        self.asked.set()
        self.released.wait()
        return super().__call__()


async def test_a_stored_answer_survives_sigkill(sql_url: str) -> None:
    async with trio.open_nursery() as nursery:
        command = writer(sql_url, "c1", 3)
        run = partial(trio.run_process, command, stdin=PIPE, stdout=PIPE, check=False, cwd=ROOT)
        process: trio.Process = await nursery.start(run)
        assert process.stdin is not None
        assert process.stdout is not None
        async with process.stdin, process.stdout:
            await read_until(process.stdout, b"stored\n")
            process.kill()
            await process.wait()

    async with open_records(sql_url) as records:
        found = [message.message_id for message in await records.messages("c1")]
        turn = await records.turn_of_request("ann", "c1-2")
    assert found == ["c1-q0", "c1-a0", "c1-q1", "c1-a1", "c1-q2", "c1-a2"]
    assert turn == StoredTurn("c1", "c1-q2")


async def test_processes_that_start_together_share_a_new_database(new_sql_url: str) -> None:
    async with trio.open_nursery() as nursery:
        for name in ("c1", "c2", "c3"):
            command = writer(new_sql_url, name, 20)
            run = partial(trio.run_process, command, stdin=DEVNULL, cwd=ROOT, capture_stdout=True)
            nursery.start_soon(run)

    async with open_records(new_sql_url) as records:
        assert [len(await records.messages(name)) for name in ("c1", "c2", "c3")] == [40, 40, 40]


async def test_two_owners_of_one_database_wait_for_each_other(sql_url: str) -> None:
    async with open_records(sql_url) as one, open_records(sql_url) as other:
        async with trio.open_nursery() as nursery:
            for number in range(50):
                for name, records in (("c1", one), ("c2", other)):
                    asked = question(f"{name}-{number}", name)
                    nursery.start_soon(records.open_turn, conversation(name), asked)

        assert len(await one.messages("c2")) == 50
        assert len(await other.messages("c1")) == 50


async def test_a_write_cancelled_in_its_thread_is_stored_whole(sqlite_url: str) -> None:
    clock = HeldClock()
    async with open_records(sqlite_url, clock=clock) as records:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(records.open_turn, conversation(), question())
            await trio.to_thread.run_sync(clock.asked.wait)
            nursery.start_soon(records.open_turn, conversation("c2"), question("q2", "c2"))
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
            with trio.CancelScope(shield=True):
                await trio.testing.wait_all_tasks_blocked()
            still_waiting = len(nursery.child_tasks)
            clock.released.set()

        assert still_waiting == 1  # for its thread
        assert await records.conversation("c1") is not None
        assert [message.message_id for message in await records.messages("c1")] == ["q1"]
        assert await records.conversation("c2") is None  # the write was still waiting for its turn
        assert await records.close_turn(answer(), job_id="j1") is not None


async def test_reads_do_not_wait_for_a_write(sql_url: str) -> None:
    clock = HeldClock()
    async with open_records(sql_url, clock=clock) as records, trio.open_nursery() as nursery:
        nursery.start_soon(records.open_turn, conversation(), question())
        await trio.to_thread.run_sync(clock.asked.wait)

        assert await records.messages("c1") == []
        clock.released.set()


async def test_request_ids_and_order_are_found_after_reopening(sql_url: str) -> None:
    clock = SteppedClock()
    async with open_records(sql_url, clock=clock) as records:
        await records.open_turn(conversation(), question("m2"), request_id="r")
        await records.close_turn(answer("m1"), job_id="j1")

    async with open_records(sql_url, clock=clock) as records:
        assert await records.turn_of_request("ann", "r") == StoredTurn("c1", "m2")
        await records.close_turn(answer("m0"), job_id="j1")
        found = [message.message_id for message in await records.messages("c1")]
    assert found == ["m2", "m1", "m0"]
