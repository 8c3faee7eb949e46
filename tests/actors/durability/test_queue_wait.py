"""A turn's wait in the queue, with a queue that answers what a test wants."""

import trio
from trio.testing import MockClock

from legato.actors.conversation.turn import Turn
from legato.actors.queue.questions import NotWaiting
from tests.support.actors import open_house


class BegunElsewhere:
    """A queue in which the turn waits no more, though nobody has told the turn."""

    async def come(self, turn: Turn) -> None:
        await trio.sleep_forever()

    async def move_to_front(self, turn: Turn) -> int | None:
        return None

    async def rejoin(self, turn: Turn) -> int:
        return turn.rank


async def test_a_turn_that_waits_no_more_is_not_moved(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        await house.start().opened()
        house.supervisor.queue = BegunElsewhere()
        waiting = house.start("enqueue")
        await waiting.queued()
        answer = await waiting.move_to_front("m")

    assert isinstance(answer, NotWaiting)
    assert answer.reason == "not_waiting"
