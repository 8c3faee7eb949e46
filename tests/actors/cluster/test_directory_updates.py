"""The directory hears every update in the end, and no update delays another."""

import trio
from trio.testing import MockClock

from legato.actors.cluster.directory_updates import DirectoryUpdates
from legato.storage.contracts.errors import StorageError


async def test_an_update_that_comes_while_the_one_before_is_told_is_told_as_well(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    updates, told = DirectoryUpdates(), list[str]()

    async def second() -> None:
        told.append("second")

    async def first() -> None:
        told.append("first")
        updates.add("j", second)

    updates.add("j", first)
    nursery.start_soon(updates.run)
    await trio.sleep(0.1)
    assert told == ["first", "second"]


async def test_an_update_that_crashed_is_told_again_and_delays_no_other(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    updates, tries = DirectoryUpdates(), list[str]()

    async def crash_once() -> None:
        tries.append("crashing")
        if len(tries) == 1:
            raise RuntimeError("bug")

    async def at_once() -> None:
        tries.append("told")

    updates.add("1", crash_once)
    updates.add("2", at_once)
    nursery.start_soon(updates.run)
    await trio.sleep(0.1)
    assert tries == ["crashing", "told"]
    await trio.sleep(2)
    assert tries == ["crashing", "told", "crashing"]


async def test_one_update_that_cannot_be_told_delays_no_other(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    updates, told = DirectoryUpdates(), list[str]()

    async def never() -> None:
        raise StorageError("that shard is away")

    async def at_once() -> None:
        told.append("told")

    updates.add("1", never)
    updates.add("2", at_once)
    nursery.start_soon(updates.run)
    await trio.sleep(0.1)
    assert told == ["told"]
