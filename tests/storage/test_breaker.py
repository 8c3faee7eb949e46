"""Requests in vain are refused, until one task finds the end of the trouble."""

import pytest
import trio
import trio.lowlevel
from structlog.testing import capture_logs
from trio.testing import MockClock

from legato.storage.breaker import LONG, PAUSE, Breaker, watched
from legato.storage.contracts.errors import StorageError, Unavailable

TROUBLE = Unavailable("The disk is full.")


class Disk:
    """Has room, or not."""

    def __init__(self, *, is_full: bool = True) -> None:
        self.is_full = is_full
        self.asked = 0

    async def probe(self) -> None:
        self.asked += 1
        await trio.lowlevel.checkpoint()
        if self.is_full:
            raise StorageError("The disk is still full.")


async def test_open_it_refuses_and_one_task_finds_out_when_that_is_over(
    autojump_clock: MockClock,
) -> None:
    disk = Disk()
    breaker = Breaker("disk", disk.probe)
    with capture_logs() as logs:
        async with watched(breaker.run):
            await trio.testing.wait_all_tasks_blocked()
            breaker.check()
            breaker.open(TROUBLE)
            with pytest.raises(Unavailable, match=r"^The disk is full\.$"):
                breaker.check()
            await trio.sleep(9.5 * PAUSE)
            with pytest.raises(Unavailable, match=r"^The disk is still full\.$"):
                breaker.check()
            disk.is_full = False
            await trio.sleep(PAUSE)
            breaker.check()
    assert disk.asked == 11
    assert [(line["event"], line["storage"]) for line in logs] == [
        ("storage in trouble", "disk"),
        ("storage works again", "disk"),
    ]


async def test_trouble_that_is_over_at_once_is_no_line_in_the_log(
    autojump_clock: MockClock,
) -> None:
    disk = Disk(is_full=False)
    breaker = Breaker("disk", disk.probe)
    with capture_logs() as logs:
        async with watched(breaker.run):
            for _ in range(2):
                await trio.testing.wait_all_tasks_blocked()
                breaker.open(TROUBLE)
                await trio.testing.wait_all_tasks_blocked()
                breaker.check()
    assert (disk.asked, logs) == (2, [])


async def test_where_nobody_finds_out_nothing_is_refused(autojump_clock: MockClock) -> None:
    breaker = Breaker("disk", Disk().probe)
    breaker.open(TROUBLE)
    breaker.check()
    async with watched(breaker.run):
        await trio.testing.wait_all_tasks_blocked()
        breaker.open(TROUBLE)
    breaker.check()


async def test_long_work_has_the_storage_probed_by_whoever_asks_next(
    autojump_clock: MockClock,
) -> None:
    disk = Disk()
    breaker = Breaker("disk", disk.probe)
    async with watched(breaker.run):
        with breaker.under_way():
            await trio.sleep(LONG)
            breaker.check()
            await trio.testing.wait_all_tasks_blocked()
            assert disk.asked == 0
            await trio.sleep(0.001)
            breaker.check()
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(Unavailable, match=r"^The disk is still full\.$"):
                breaker.check()
        disk.is_full = False
        await trio.sleep(PAUSE + 0.001)
        breaker.check()


async def test_long_work_of_a_storage_that_works_refuses_nothing(
    autojump_clock: MockClock,
) -> None:
    disk = Disk(is_full=False)
    breaker = Breaker("disk", disk.probe)
    with capture_logs() as logs:
        async with watched(breaker.run):
            with breaker.under_way():
                await trio.sleep(2 * LONG)
                breaker.check()
                await trio.testing.wait_all_tasks_blocked()
                breaker.check()
            await trio.testing.wait_all_tasks_blocked()
            asked = disk.asked
            breaker.check()
            await trio.testing.wait_all_tasks_blocked()
    assert (asked, disk.asked, logs) == (1, 1, [])


async def test_a_long_line_of_work_is_no_reason_for_a_probe_as_long_as_work_ends(
    autojump_clock: MockClock,
) -> None:
    disk = Disk()
    breaker = Breaker("disk", disk.probe)
    async with watched(breaker.run):
        await trio.testing.wait_all_tasks_blocked()
        with breaker.under_way():
            for _ in range(10):
                await trio.sleep(LONG)
                breaker.close()  # as work before this one does, when the work ends
                breaker.check()
            await trio.testing.wait_all_tasks_blocked()
            assert disk.asked == 0
            await trio.sleep(LONG + 0.001)
            breaker.check()
            await trio.testing.wait_all_tasks_blocked()
            assert disk.asked == 1


async def test_a_probe_that_waits_too_long_behind_work_that_ends_refuses_nothing(
    autojump_clock: MockClock,
) -> None:
    async def probe() -> None:
        await trio.sleep(LONG)  # in the line
        raise Unavailable("The disk did not answer within 1 s.")

    breaker = Breaker("disk", probe)
    async with watched(breaker.run):
        await trio.testing.wait_all_tasks_blocked()
        breaker.suspect()
        await trio.sleep(LONG / 2)
        breaker.close()  # as work before the probe does
        await trio.sleep(LONG)
        breaker.check()
        with pytest.raises(Unavailable):
            await breaker.probe()


async def test_a_suspicion_that_nobody_would_look_into_is_dropped() -> None:
    disk = Disk()
    breaker = Breaker("disk", disk.probe)
    breaker.suspect()
    async with watched(breaker.run):
        await trio.testing.wait_all_tasks_blocked()
    assert disk.asked == 0
