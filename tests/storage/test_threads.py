"""Deadlines of worker threads: real threads, whose waits the tests break."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from legato.storage.contracts.errors import Unavailable
from legato.storage.operations import uses
from legato.storage.threads import Threads

ROOT = Path(__file__).parents[2]
SHORT = 0.05  # seconds: the whole time has to pass
LONG = 30.0  # seconds: nobody waits so long


class Hold:
    """A wait of a thread, as for a server that does not answer."""

    def __init__(self, *, can_be_broken: bool = True) -> None:
        self.began = threading.Event()
        self.let_go = threading.Event()
        self.broken = 0
        self._can_be_broken = can_be_broken

    def wait(self) -> str:
        uses(self._break)
        self.began.set()
        assert self.let_go.wait(LONG)
        return "done"

    def _break(self) -> None:
        self.broken += 1
        if self._can_be_broken:
            self.let_go.set()


@contextmanager
def held(*, can_be_broken: bool = True) -> Iterator[Hold]:
    hold = Hold(can_be_broken=can_be_broken)
    try:
        yield hold
    finally:
        hold.let_go.set()


async def begun(hold: Hold) -> None:
    assert await trio.to_thread.run_sync(hold.began.wait, LONG)


async def free(limiter: trio.CapacityLimiter) -> None:
    with trio.fail_after(LONG):
        async with limiter:
            pass


async def test_a_thread_that_overstays_is_broken_off_and_who_waits_is_told_in_time() -> None:
    threads, one = Threads("the database", SHORT), trio.CapacityLimiter(1)
    with held() as hold:
        with pytest.raises(Unavailable, match=r"The database did not answer within 0\.05 s\."):
            await threads.run(hold.wait, one)
        assert hold.broken == 1
        await free(one)


async def test_the_wait_for_a_turn_counts_and_all_who_wait_hear_it_with_the_first() -> None:
    threads, one = Threads("the database", 20 * SHORT), trio.CapacityLimiter(1)
    refused: list[str] = []

    async def wait_in_vain() -> None:
        with pytest.raises(Unavailable):
            await threads.run(lambda: None, one)
        refused.append("a turn")

    began = trio.current_time()
    with held() as hold:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(told, threads, hold, one, refused)
            await begun(hold)
            await trio.sleep(10 * SHORT)  # seconds for callers that come later
            for _ in range(3):
                nursery.start_soon(wait_in_vain)
        seconds = trio.current_time() - began
    assert seconds < 29 * SHORT, "their own time would be over later"
    assert sorted(refused) == ["a thread", "a turn", "a turn", "a turn"]


async def test_a_long_line_that_moves_is_not_given_up_with_the_first_who_waited_too_long() -> None:
    threads, one = Threads("the database", 20 * SHORT), trio.CapacityLimiter(1)
    served: list[str] = []

    async def wait(name: str, work: Callable[[], object]) -> None:
        await threads.run(work, one)
        served.append(name)

    with held() as hold:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, "first", partial(time.sleep, 14 * SHORT))
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(told, threads, hold, one, served)  # begins late, and ends too late
            await begun(hold)
            nursery.start_soon(wait, "third", lambda: None)
    assert served == ["first", "a thread", "third"]


async def test_a_thread_that_overstays_gives_up_no_line_but_its_own() -> None:
    threads = Threads("the database", 20 * SHORT)
    writing, reading = trio.CapacityLimiter(1), trio.CapacityLimiter(1)
    read: list[str] = []

    async def reads(hold: Hold) -> None:
        read.append(await threads.run(hold.wait, reading))

    with held() as write, held() as slow:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(told, threads, write, writing, [])
            await begun(write)
            await trio.sleep(10 * SHORT)
            for _ in range(2):
                nursery.start_soon(reads, slow)
            assert await trio.to_thread.run_sync(write.let_go.wait, LONG)
            await trio.testing.wait_all_tasks_blocked(SHORT)
            slow.let_go.set()
    assert (read, slow.broken) == (["done", "done"], 0)


async def told(threads: Threads, hold: Hold, one: trio.CapacityLimiter, refused: list[str]) -> None:
    with pytest.raises(Unavailable):
        await threads.run(hold.wait, one)
    refused.append("a thread")


async def test_a_thread_that_cannot_be_broken_keeps_its_turn_and_nobody_waits_for_it() -> None:
    threads, one = Threads("the database", SHORT), trio.CapacityLimiter(1)
    with held(can_be_broken=False) as hold:
        for _ in range(2):
            with pytest.raises(Unavailable):
                await threads.run(hold.wait, one)
        assert one.borrowed_tokens == 1, "or two would be on a connection"
        hold.let_go.set()
        await free(one)


async def test_what_is_waited_for_next_is_broken_too() -> None:
    threads, one = Threads("the database", SHORT), trio.CapacityLimiter(1)
    with held(can_be_broken=False) as first, held() as second:

        def work() -> str:
            first.wait()
            return second.wait()

        with pytest.raises(Unavailable):
            await threads.run(work, one)
        first.let_go.set()
        await free(one)
        assert second.broken == 1


async def test_a_caller_that_is_cancelled_still_hears_what_was_done() -> None:
    threads, one = Threads("the database", LONG), trio.CapacityLimiter(1)
    done: list[str] = []
    with held() as hold:
        async with trio.open_nursery() as nursery:

            async def caller() -> None:
                done.append(await threads.run(hold.wait, one))

            nursery.start_soon(caller)
            await begun(hold)
            nursery.cancel_scope.cancel()
            hold.let_go.set()
    assert (done, hold.broken) == (["done"], 0)


async def test_a_process_that_ends_waits_for_no_thread_and_no_turn() -> None:
    threads, one = Threads("the database", LONG), trio.CapacityLimiter(1)
    with held() as hold, trio.fail_after(LONG / 2):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ended, threads, hold.wait, one)
            await begun(hold)
            nursery.start_soon(ended, threads, hold.wait, one)
            await trio.testing.wait_all_tasks_blocked()
            threads.abandon()
        await ended(threads, lambda: None, one)
    assert hold.broken >= 1


async def ended(threads: Threads, work: Callable[[], object], one: trio.CapacityLimiter) -> None:
    with pytest.raises(Unavailable, match="The process ends, and the database did not answer"):
        await threads.run(work, one)


async def test_a_thread_that_nothing_ends_does_not_keep_the_process() -> None:
    code = (
        "import time, trio\n"
        "from legato.storage.threads import Threads\n"
        "async def main():\n"
        "    threads = Threads('the database', 0.1)\n"
        "    await threads.run(lambda: time.sleep(100), trio.CapacityLimiter(1))\n"
        "trio.run(main)"
    )
    with trio.fail_after(LONG):
        done = await trio.run_process(
            [sys.executable, "-c", code], capture_stderr=True, check=False, cwd=ROOT
        )

    assert done.returncode == 1
    assert done.stderr.endswith(b"Unavailable: The database did not answer within 0.1 s.\n")
