"""The promises of every implementation of NoticeLog."""

from collections.abc import Sequence

import trio
import trio.testing

from legato.storage.contracts.notices import START, NoticeEntry
from legato.storage.contracts.replication import Replication
from tests.support.storage.worlds import World


async def read(replica: Replication, count: int, after: str = START) -> Sequence[NoticeEntry]:
    entries: list[NoticeEntry] = []
    with trio.fail_after(20):
        while len(entries) < count:
            found = await replica.notices.read(entries[-1].cursor if entries else after)
            assert found is not None
            entries += found
    return entries


async def test_all_replicas_read_the_notices_of_all_in_one_order(world: World) -> None:
    one, other = await world.replica(), await world.replica()
    await one.notices.append(1, [b"a", b"b"])
    await other.notices.append(1, [b"c"])
    await one.notices.append(2, [b"d"])
    here, there = await read(one, 4), await read(other, 4)

    assert [each.data for each in here] == [b"a", b"b", b"c", b"d"]
    assert here == there
    assert [each.before for each in here] == [START, *(each.cursor for each in here[:-1])]
    assert await one.notices.last() == here[-1].cursor


async def test_a_batch_is_added_once_however_often_it_comes(world: World) -> None:
    one, other = await world.replica(), await world.replica()
    await one.notices.append(1, [b"a"])
    await one.notices.append(1, [b"a"])
    await other.notices.append(1, [b"b"])
    await one.notices.append(2, [b"c"])
    await one.notices.append(1, [b"a"])

    assert [each.data for each in await read(one, 3)] == [b"a", b"b", b"c"]


async def test_who_waits_is_woken(world: World) -> None:
    one, other = await world.replica(), await world.replica()
    heard: list[bytes] = []

    async def listen() -> None:
        heard.extend(each.data for each in await read(other, 1))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        await trio.testing.wait_all_tasks_blocked()
        await one.notices.append(1, [b"a"])

    assert heard == [b"a"]


async def test_a_break_leaves_a_gap_that_every_reader_sees(world: World) -> None:
    one, other = await world.replica(), await world.replica()
    await one.notices.append(1, [b"a", b"b"])
    [first, _] = await read(other, 2)
    await one.notices.append(2, [b"c"], breaks=True)
    [gap, after] = await read(other, 2, first.cursor)
    await one.notices.append(3, [], breaks=True)
    [again] = await read(other, 1, after.cursor)

    assert (gap.data, gap.before, after.data, after.before) == (b"", START, b"c", gap.cursor)
    assert (again.data, again.before) == (b"", START)
    assert len({first.cursor, gap.cursor, after.cursor, again.cursor, START}) == 5


async def test_a_log_that_lost_its_end_says_so(world: World) -> None:
    one, other = await world.replica(), await world.replica()
    assert await one.notices.last() == START
    await one.notices.append(1, [b"a"])
    [entry] = await read(other, 1)
    world.lose_all()

    with trio.fail_after(20):
        assert await other.notices.read(entry.cursor) is None
    assert await other.notices.last() == START
