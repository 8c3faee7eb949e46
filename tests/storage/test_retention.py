"""The task that removes old conversations and responses."""

from datetime import datetime, timedelta
from pathlib import Path

import trio
from msgspec.structs import replace
from structlog.testing import capture_logs
from trio.testing import MockClock

from legato.http.open import open_runtime
from legato.storage.contracts.erasure import Erased
from legato.storage.contracts.errors import StorageError
from legato.storage.memory.erasure import MemoryErasure
from legato.storage.memory.records import MemoryRecords
from legato.storage.open import open_storage
from legato.storage.retention import INTERVAL, STEP, open_retention
from tests.support.http.runtime import settings_with
from tests.support.storage.turns import SteppedClock, conversation, question

MOMENT = timedelta(microseconds=1)


class Failing(MemoryErasure):
    """Fails for a given number of calls."""

    failures = 0

    async def expire(self, before: datetime, *, most: int) -> Erased:
        if self.failures:
            self.failures -= 1
            raise StorageError("It is away.")
        return await super().expire(before, most=most)


async def filled(clock: SteppedClock, conversations: int) -> MemoryRecords:
    records = MemoryRecords(clock=clock)
    for number in range(conversations):
        name = f"c{number}"
        await records.open_turn(conversation(name), question(f"q{number}", name))
    return records


async def left(records: MemoryRecords) -> int:
    return len((await records.conversations("ann", limit=1000)).conversations)


async def test_all_that_is_old_goes_step_by_step(
    clock: SteppedClock, autojump_clock: MockClock
) -> None:
    records = await filled(clock, 2 * STEP + 1)
    clock.now += timedelta(days=30) + MOMENT
    with capture_logs() as logs:
        async with open_retention(MemoryErasure(records), 30, clock=clock):
            await trio.sleep(INTERVAL / 2)

    assert await left(records) == 0
    assert [(entry["event"], entry["conversations"]) for entry in logs] == [
        ("old conversations removed", 2 * STEP + 1)
    ]


async def test_what_becomes_old_goes_within_an_hour(
    clock: SteppedClock, autojump_clock: MockClock
) -> None:
    records = await filled(clock, 1)
    clock.now += timedelta(days=30)
    async with open_retention(MemoryErasure(records), 30, clock=clock):
        await trio.sleep(INTERVAL / 2)
        before = await left(records)
        clock.now += MOMENT
        await trio.sleep(INTERVAL)

    assert (before, await left(records)) == (1, 0)


async def test_without_a_setting_nothing_goes(
    clock: SteppedClock, autojump_clock: MockClock
) -> None:
    records = await filled(clock, 1)
    clock.now += timedelta(days=36500)
    async with open_retention(MemoryErasure(records), None, clock=clock):
        await trio.sleep(2 * INTERVAL)

    assert await left(records) == 1


async def test_a_storage_that_is_away_is_asked_again(
    clock: SteppedClock, autojump_clock: MockClock
) -> None:
    erasure = Failing(records := await filled(clock, 1))
    erasure.failures = 2
    clock.now += timedelta(days=2)
    with capture_logs() as logs:
        async with open_retention(erasure, 1, clock=clock):
            await trio.sleep(2.5 * INTERVAL)

    assert await left(records) == 0
    assert [entry["log_level"] for entry in logs] == ["warning", "warning", "info"]


async def test_the_server_owns_the_task(tmp_path: Path) -> None:
    database_url = f"sqlite:///{tmp_path}/legato.db"
    async with open_storage(database_url, clock=SteppedClock()) as storage:
        await storage.records.open_turn(conversation(), question())
    settings = replace(settings_with(retention_days=1), database_url=database_url)
    with trio.fail_after(10):
        async with open_runtime(settings) as runtime:
            while await runtime.records.conversation("c1"):  # noqa: ASYNC110
                await trio.sleep(0.005)
