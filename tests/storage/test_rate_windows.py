"""Counts in windows of time: in memory by a test's clock, in Redis by the server's own."""

from collections.abc import AsyncIterator

import pytest
from limits import parse_many

from legato.storage import rate_windows as memory_windows
from legato.storage.contracts.errors import StorageError
from legato.storage.memory.records import MemoryRecords
from legato.storage.rate_windows import MemoryWindows, RateWindow, Windows
from legato.storage.redis.shared_guards import SharedGuards, open_shared
from tests.support.storage.redis_servers import RedisServer

TWO = parse_many("2/minute")
BOTH = parse_many("2/minute; 3/hour")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def shared(redis_server: RedisServer) -> AsyncIterator[SharedGuards]:
    async with open_shared(redis_server.url, MemoryRecords().bans, prefix="test") as shared:
        yield shared


@pytest.fixture(params=["memory", "redis_server", "redis_cluster"])
async def windows(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[Windows]:
    if request.param == "memory":
        yield MemoryWindows(clock)
        return
    url = request.getfixturevalue(request.param).url
    async with open_shared(url, MemoryRecords().bans, prefix="test") as shared:
        yield shared.windows


async def test_a_window_has_room_for_as_many_as_its_rate_says(windows: Windows) -> None:
    found = [await windows.hit(TWO, "starts/user:ann") for _ in range(4)]

    assert [window.passed for window in found] == [True, True, False, False]
    assert [window.remaining for window in found] == [1, 0, 0, 0]
    assert {(window.limit, window.seconds) for window in found} == {(2, 60)}
    assert all(59 < window.reset <= 60 for window in found)


async def test_everybody_has_windows_of_their_own(windows: Windows) -> None:
    for _ in range(2):
        await windows.hit(TWO, "starts/user:ann")

    assert (await windows.hit(TWO, "starts/user:bob")).passed
    assert (await windows.hit(TWO, "calls/user:ann")).passed


async def test_of_several_rates_each_holds_and_the_fullest_is_told(windows: Windows) -> None:
    found = [await windows.hit(BOTH, "starts/user:ann") for _ in range(3)]

    assert [window.seconds for window in found] == [60, 60, 60]
    assert [window.passed for window in found] == [True, True, False]


async def test_a_window_runs_out_and_another_begins(clock: Clock) -> None:
    windows = MemoryWindows(clock)
    found = []
    for clock.now in (1000.0, 1030.0, 1059.9, 1060.0, 1061.0, 1062.0):
        window = await windows.hit(TWO, "starts/user:ann")
        found.append((window.passed, round(window.reset, 1)))

    assert found == [
        (True, 60.0), (True, 30.0), (False, 0.1), (True, 60.0), (True, 59.0), (False, 58.0),
    ]  # fmt: skip


async def test_what_one_rate_refuses_does_not_count_for_a_longer_one(clock: Clock) -> None:
    windows = MemoryWindows(clock)
    for _ in range(5):
        await windows.hit(BOTH, "starts/user:ann")
    clock.now += 60

    assert await windows.hit(BOTH, "starts/user:ann") == RateWindow(3, 3600, 0, 3540, passed=True)


async def test_counters_that_ran_out_take_no_room(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_windows, "SWEEP", 4)
    monkeypatch.setattr(memory_windows, "MAX_COUNTERS", 8)
    windows = MemoryWindows(clock)
    for number in range(20):
        await windows.hit(TWO, f"starts/user:{number}")
    assert len(windows._counts._counters) <= 8
    clock.now += 60
    for number in range(9):
        await windows.hit(TWO, f"starts/user:{number}")

    assert (await windows.hit(TWO, "starts/user:8")).remaining == 0
    assert len(windows._counts._counters) <= 8


async def test_redis_forgets_a_window_by_itself(
    shared: SharedGuards, redis_server: RedisServer
) -> None:
    await shared.windows.hit(TWO, "starts/user:ann")
    keys = redis_server.ask("KEYS", "*:window:*")

    assert isinstance(keys, list)
    [key] = keys
    left = redis_server.ask("PTTL", key.decode())
    assert isinstance(left, int)
    assert 59_000 < left <= 60_000
    redis_server.ask("DEL", key.decode())  # as time would
    assert (await shared.windows.hit(TWO, "starts/user:ann")).remaining == 1


async def test_replicas_count_together(shared: SharedGuards, redis_server: RedisServer) -> None:
    async with open_shared(redis_server.url, MemoryRecords().bans, prefix="test") as other:
        await other.windows.hit(TWO, "starts/user:ann")
        await shared.windows.hit(TWO, "starts/user:ann")

        assert not (await other.windows.hit(TWO, "starts/user:ann")).passed


async def test_without_redis_nothing_is_counted_and_it_is_said(own_redis: RedisServer) -> None:
    async with open_shared(own_redis.url, MemoryRecords().bans) as shared:
        await shared.windows.hit(TWO, "starts/user:ann")
        own_redis.stop()

        with pytest.raises(StorageError):
            await shared.windows.hit(TWO, "starts/user:ann")
