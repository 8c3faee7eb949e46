"""A response is cancelled just as it ends: everybody is told the same of it, for ever."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final

import trio

from legato.http.openai.known import Known
from tests.dialects.responses_kit import read
from tests.http.client import Client
from tests.http.house import open_client
from tests.http.openai.asked import DONE, PATH, asked, asking, received, refusal, text_of, valid
from tests.http.openai.paced import PacedModel
from tests.regressions.reading import checkpoints

RACES: Final = 1000
LONGEST: Final = 40  # turns of the scheduler: about what a cancel takes to get to its job

Resource = dict[str, Any]


class Race:
    """One response, and all who are told how it ended; `chance` decides who comes when."""

    def __init__(self, ann: Client, model: PacedModel, seed: int) -> None:
        self.ann = ann
        self.model = model
        self.chance = random.Random(seed)
        self.fields = {"conversation": f"c{seed}", "stream": True, "background": True}
        self.told: list[Resource] = []  # how it ended
        self.went_on = False

    async def run(self) -> str:
        """How it ended: it must be the same for all."""
        self.model.let_go = trio.Event()
        async with asking(self.ann, "paced", **self.fields) as connection:
            await received(connection, '"one "')
            response_id = f"resp_{dict(connection.headers or {})['x-legato-job']}"
            path = f"{PATH}/{response_id}"

            async def follow() -> None:
                self.hear((await received(connection, "[DONE]\n\n")).encode())

            async def come_back() -> None:
                place = f"?stream=true&starting_after={self.chance.randrange(5)}"
                self.hear((await self.ann.get(path + place)).text.encode())

            async def cancel() -> None:
                for _ in range(2):
                    self.told.append((await self.ann.post(f"{path}/cancel", None)).body)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(follow)
                for act in (self.end, cancel, come_back):
                    nursery.start_soon(self.late, act, LONGEST)
                nursery.start_soon(self.late, self.go_on, 2 * LONGEST)
        return await self.check(response_id)

    async def late(self, act: Callable[[], Awaitable[None]], longest: int) -> None:
        await checkpoints(self.chance.randrange(longest))
        await act()

    async def end(self) -> None:
        self.model.let_go.set()

    def hear(self, stream: bytes) -> None:
        *_, last, done, _ = stream.split(b"\n\n")
        assert done + b"\n\n" == DONE
        self.told.append(read(last)["response"])

    async def go_on(self) -> None:
        """Who goes on has to wait, or the model has all of it to read."""
        reply = await self.ann.post(PATH, asked("paced", input="More?") | self.fields)
        if reply.status == 200:
            self.went_on = True
        else:
            assert refusal(reply) == (409, "conversation", "conversation_locked")

    async def check(self, response_id: str) -> str:
        assert self.ann.app.runtime is not None
        responses = self.ann.app.runtime.records.responses
        stored = await responses.find("ann", response_id)
        final = valid((await self.ann.get(f"{PATH}/{response_id}")).body)

        assert self.told == [final] * 4
        assert stored is not None
        assert stored.ending is not None
        assert Known(None, None, stored).resource() == final
        if self.went_on:
            assert self.model.read() == ["Hi", text_of(final), "More?"]
        return str(final["status"])


async def test_cancel_races_finish() -> None:
    model = PacedModel()
    outcomes, went_on = Counter[str](), Counter[bool]()
    async with open_client(model) as ann:
        for seed in range(RACES):
            race = Race(ann, model, seed)
            outcomes[await race.run()] += 1
            went_on[race.went_on] += 1

    assert set(outcomes) == {"completed", "cancelled"}, "the race was never lost, or never won"
    for counted in (outcomes, went_on):
        assert min(counted.values()) > RACES / 10, counted
