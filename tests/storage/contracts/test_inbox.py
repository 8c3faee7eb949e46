"""The promises of every implementation of Inbox."""

import pytest
import trio

from legato.storage.contracts.replication import Replication
from tests.support.storage.worlds import World


async def received(replica: Replication, count: int) -> list[bytes]:
    packets: list[bytes] = []
    with trio.fail_after(10):
        while len(packets) < count:
            packets += await replica.post.receive()
    return packets


async def test_packets_arrive_in_order_and_as_they_were(world: World) -> None:
    one, other = await world.replica(), await world.replica()
    packets = [bytes([number, 0, 255, 10, 13]) * number for number in range(50)]
    await one.post.send([(other.me, packet) for packet in packets[:20]])
    for packet in packets[20:]:
        await one.post.send([(other.me, packet)])

    assert await received(other, 50) == packets


async def test_each_has_its_own(world: World) -> None:
    replicas = [await world.replica() for _ in range(5)]
    await replicas[0].post.send([(each.me, each.me.encode()) for each in replicas])

    for each in replicas:
        assert await received(each, 1) == [each.me.encode()]


async def test_who_waits_is_woken(world: World) -> None:
    one, other = await world.replica(), await world.replica()

    async def answer() -> None:
        [packet] = await received(other, 1)
        await other.post.send([(one.me, packet.upper())])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer)
        await one.post.send([(other.me, b"hello")])
        assert await received(one, 1) == [b"HELLO"]


async def test_what_is_sent_to_nobody_goes_nowhere(world: World) -> None:
    one, other = await world.replica(), await world.replica()
    await one.post.send([("0" * 32, b"lost"), (other.me, b"found")])
    await one.post.send([])

    assert await received(other, 1) == [b"found"]


async def test_who_stops_waiting_loses_nothing(world: World) -> None:
    one, other = await world.replica(), await world.replica()
    with trio.move_on_after(0.05) as waiting:
        await other.post.receive()
    assert waiting.cancelled_caught
    await one.post.send([(other.me, b"1"), (other.me, b"2")])

    assert await received(other, 2) == [b"1", b"2"]


async def test_who_waits_can_be_cancelled_at_once(world: World) -> None:
    replica = await world.replica()
    began = trio.current_time()
    for _ in range(2):
        with trio.move_on_after(0.05):
            await replica.post.receive()

    assert trio.current_time() - began < 0.8, "not for as long as it waits at a time"


@pytest.mark.parametrize("size", [0, 1, 1_000_000])
async def test_a_packet_may_have_any_size(size: int, world: World) -> None:
    one, other = await world.replica(), await world.replica()
    await one.post.send([(other.me, b"x" * size)])

    assert await received(other, 1) == [b"x" * size]
