import trio
from trio.testing import MockClock

from legato.http.server.transport.pace import Pace


async def test_a_burst_is_let_through_and_the_rest_in_its_time(autojump_clock: MockClock) -> None:
    pace = Pace(rate=10, burst=3)
    begun = trio.current_time()
    times = []
    for _ in range(6):
        await pace.wait()
        times.append(round(trio.current_time() - begun, 3))

    assert times == [0, 0, 0, 0.1, 0.2, 0.3]


async def test_a_burst_is_there_again_after_a_rest(autojump_clock: MockClock) -> None:
    pace = Pace(rate=10, burst=2)
    assert [pace.take() for _ in range(2)] == [0, 0]
    assert pace.take() > 0
    await trio.sleep(1)

    assert [pace.take() for _ in range(2)] == [0, 0]
    assert pace.take() > 0
