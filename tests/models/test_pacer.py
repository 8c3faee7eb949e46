"""Those who wait together wake as if each had slept alone, but for what is left of a tick."""

from collections.abc import Sequence

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.models.pacer import TICK, Pacer

ROUNDING = 1e-9

moments = st.integers(0, 30).map(lambda number: number * TICK * 0.4)


async def woken(pacer: Pacer, deadlines: Sequence[float]) -> list[float]:
    """When each of those who wait together woke."""
    at = [-1.0] * len(deadlines)

    async def wait(index: int) -> None:
        await pacer.sleep_until(deadlines[index])
        at[index] = trio.current_time()

    async with trio.open_nursery() as nursery:
        for index in range(len(deadlines)):
            nursery.start_soon(wait, index)
    return at


async def test_who_waits_alone_wakes_on_time(autojump_clock: MockClock) -> None:
    pacer = Pacer()
    at = []
    for deadline in (0.5, 0.501, 7.0):
        await pacer.sleep_until(deadline)
        at.append(trio.current_time())

    assert at == pytest.approx([0.5, 0.501, 7.0])


async def test_what_is_due_within_a_tick_comes_together(autojump_clock: MockClock) -> None:
    at = await woken(Pacer(), [1, 1 + 0.2 * TICK, 1 + 0.9 * TICK, 1 + 1.1 * TICK])

    assert at == pytest.approx([1, 1 + TICK, 1 + TICK, 1 + 2 * TICK])


async def test_an_earlier_moment_moves_the_alarm(autojump_clock: MockClock) -> None:
    assert await woken(Pacer(), [9, 5, 2, 7]) == pytest.approx([9, 5, 2, 7])


async def test_a_moment_that_has_passed_gives_others_a_turn(autojump_clock: MockClock) -> None:
    pacer = Pacer()
    turns = []

    async def take_turns(name: str) -> None:
        for _ in range(3):
            turns.append(name)
            await pacer.sleep_until(-1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take_turns, "a")
        nursery.start_soon(take_turns, "b")

    assert {*turns[:2]} == {*turns[2:4]} == {"a", "b"}
    assert trio.current_time() == 0
    with trio.move_on_after(0) as scope:
        await pacer.sleep_until(-1)
    assert scope.cancelled_caught


@pytest.mark.parametrize("leaver", [0, 1, 2])
async def test_who_leaves_holds_nobody_up(autojump_clock: MockClock, leaver: int) -> None:
    pacer = Pacer()
    at: dict[int, float] = {}
    leaving = trio.CancelScope()

    async def wait(index: int) -> None:
        with leaving if index == leaver else trio.CancelScope():
            await pacer.sleep_until(index + 1)
            at[index] = trio.current_time()

    async with trio.open_nursery() as nursery:
        for index in range(3):
            nursery.start_soon(wait, index)
        await wait_all_tasks_blocked()
        leaving.cancel()

    assert at == pytest.approx({index: index + 1 for index in range(3) if index != leaver})


async def wait_all(waits: Sequence[tuple[float, float, float]]) -> None:
    """Each begins at its moment, sleeps for its time, and leaves when its patience is over."""
    pacer = Pacer()

    async def wait(begin: float, sleep: float, patience: float) -> None:
        await trio.sleep(begin)
        deadline = trio.current_time() + sleep
        with trio.move_on_after(patience + TICK / 10) as scope:
            await pacer.sleep_until(deadline)
        if not scope.cancelled_caught:
            assert -ROUNDING < trio.current_time() - deadline < TICK + ROUNDING

    with trio.fail_after(1):
        async with trio.open_nursery() as nursery:
            for each in waits:
                nursery.start_soon(wait, *each)
    assert not pacer._deadlines


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(moments, moments, moments), max_size=12), st.random_module())
def test_everyone_wakes_within_a_tick_whoever_leaves_and_when(
    waits: list[tuple[float, float, float]], random: object
) -> None:
    trio.run(wait_all, waits, clock=MockClock(autojump_threshold=0))


async def test_those_who_left_are_forgotten(autojump_clock: MockClock) -> None:
    pacer = Pacer()

    async def wait(scope: trio.CancelScope) -> None:
        with scope:
            await pacer.sleep_until(86_400)

    async with trio.open_nursery() as nursery:
        for leaves_from in (0, 1):  # who watches, who waits for the alarm
            scopes: list[trio.CancelScope] = []
            for _ in range(50):
                scopes.append(trio.CancelScope())
                nursery.start_soon(wait, scopes[-1])
                await wait_all_tasks_blocked()
                if len(scopes) > 2:
                    scopes.pop(leaves_from).cancel()
                    await wait_all_tasks_blocked()
                assert len(pacer._deadlines) < 10
        nursery.cancel_scope.cancel()


def test_a_pacer_serves_one_loop_after_another() -> None:
    pacer = Pacer()

    async def wait(*deadlines: float) -> list[float]:
        return await woken(pacer, deadlines)

    for deadlines in ((100, 200), (1, 2)):
        clock = MockClock(autojump_threshold=0)
        assert trio.run(wait, *deadlines, clock=clock) == pytest.approx(deadlines)
