"""The signs of a dead owner: real processes, killed and stopped, and a session closed by its
server."""

import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from subprocess import PIPE

import trio
from structlog.testing import capture_logs

from legato.events import Created, TextDelta
from legato.storage.contracts.journal import Entries, Journal, OrphanedJob, Refusal
from legato.storage.open import open_storage
from legato.storage.sql.owners.locks import FileOwnerLocks
from tests.support.storage.postgres import Server
from tests.support.storage.turns import question

ROOT = Path(__file__).parents[3]
CREATED = Created(question(), "a1", "model")
PATIENCE = 10.0  # seconds; a server hears of a process's end within milliseconds


class Owner:
    """A second process, which owns the job `j`."""

    def __init__(self, process: trio.Process) -> None:
        self.process = process
        self._said = b""

    async def hear(self) -> str:
        assert self.process.stdout is not None
        while b"\n" not in self._said:
            received = await self.process.stdout.receive_some()
            assert received, f"the process ended, having said {self._said!r}"
            self._said += received
        line, _, self._said = self._said.partition(b"\n")
        return line.decode()

    async def append(self) -> str:
        """How many were refused."""
        assert self.process.stdin is not None
        await self.process.stdin.send_all(b"\n")
        return await self.hear()


@asynccontextmanager
async def owner(database_url: str) -> AsyncIterator[Owner]:
    command = (sys.executable, "-m", "tests.support.storage.owner", database_url)
    async with trio.open_nursery() as nursery:
        run = partial(trio.run_process, command, stdin=PIPE, stdout=PIPE, check=False, cwd=ROOT)
        process: trio.Process = await nursery.start(run)
        try:
            owner = Owner(process)
            assert await owner.hear() == "owns"
            yield owner
        finally:
            process.kill()


@asynccontextmanager
async def journal(database_url: str) -> AsyncIterator[Journal]:
    async with open_storage(database_url) as storage:
        assert storage.journal is not None
        yield storage.journal


async def test_the_jobs_of_a_killed_process_are_taken_over_at_once(sql_url: str) -> None:
    async with owner(sql_url) as killed, journal(sql_url) as mine:
        killed.process.kill()
        await killed.process.wait()
        taken: list[OrphanedJob] = []
        with trio.fail_after(PATIENCE):
            while not taken:
                taken += await mine.take_over()

    assert taken == [OrphanedJob("j", epoch=2, attempts=1, marked_done=False)]


async def test_a_stopped_process_is_not_taken_for_dead(sql_url: str) -> None:
    async with owner(sql_url) as stopped, journal(sql_url) as mine:
        stopped.process.send_signal(signal.SIGSTOP)
        taken = [await mine.take_over() for _ in range(10)]
        stopped.process.send_signal(signal.SIGCONT)

        assert taken == [[]] * 10
        assert await stopped.append() == "0"


async def test_one_of_many_takes_a_job_over(sql_url: str) -> None:
    async with AsyncExitStack() as stack:
        async with journal(sql_url) as former:
            await former.append([Entries("j", 1, 1, (CREATED,))])
        many = [await stack.enter_async_context(journal(sql_url)) for _ in range(4)]
        taken: list[OrphanedJob] = []

        async def take_over(journal: Journal) -> None:
            taken.extend(await journal.take_over())

        async with trio.open_nursery() as nursery:
            for each in many:
                nursery.start_soon(take_over, each)

    assert taken == [OrphanedJob("j", epoch=2, attempts=1, marked_done=False)]


def close_journals(server: Server) -> None:
    """Close all sessions, as a restarted server does."""
    server.execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory'"
    )


async def test_who_lost_its_session_is_an_owner_again_at_its_next_write(
    server: Server, postgresql_url: str
) -> None:
    async with journal(postgresql_url) as mine, journal(postgresql_url) as other:
        await mine.append([Entries("j", 1, 1, (CREATED,))])
        await trio.to_thread.run_sync(close_journals, server)
        with capture_logs() as logs:
            assert [*await mine.append([Entries("j", 1, 2, (TextDelta(0, "x"),))])] == []

        assert [line["event"] for line in logs] == ["journal connected again"]
        assert await other.take_over() == []


async def test_who_lost_its_session_and_its_jobs_is_told(
    server: Server, postgresql_url: str
) -> None:
    async with journal(postgresql_url) as mine, journal(postgresql_url) as other:
        await mine.append([Entries("j", 1, 1, (CREATED,))])
        await trio.to_thread.run_sync(close_journals, server)
        assert [*await other.take_over()] == [OrphanedJob("j", 2, 1, marked_done=False)]
        late = Entries("j", 1, 2, (TextDelta(0, "x"),))

        assert [*await mine.append([late])] == [Refusal("j", "fenced")]
        assert await mine.take_over() == []


def test_an_owner_is_alive_as_long_as_it_holds_its_lock(tmp_path: Path) -> None:
    one, other = FileOwnerLocks(tmp_path / "l.db"), FileOwnerLocks(tmp_path / "l.db")
    assert not one._is_gone(one.me)
    assert not one._is_gone(other.me)
    assert one._is_gone("0" * 32), "of whom nothing is left"
    other._mine.close()  # as the process's end does
    assert one._is_gone(other.me)
    one.sweep()

    assert [path.name for path in tmp_path.iterdir()] == [f"l.db-owner-{one.me}"]
    one.close()
    assert [*tmp_path.iterdir()] == []
