"""A response is cancelled just at the end: everybody is told the same ending, for ever."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final

import trio
from ulid import ULID

from legato.actors.conversation.turn import Prompt, Turn
from legato.actors.ref import JobRef
from legato.actors.stream.places import Start
from legato.actors.subscription import Subscription
from legato.http.openai.responses.inputs import items_of
from legato.http.openai.responses.lookup import FoundResponse
from legato.models.contract import ChatMessage
from legato.requests import ApiRequest
from tests.support.http.client import Client
from tests.support.http.raw_client import data_of
from tests.support.http.runtime import open_client
from tests.support.openai.asked import PATH, asked, refusal, text_of
from tests.support.openai.paced import PacedModel
from tests.support.reading import checkpoints

RACES: Final = 400
IN_A_HOUSE: Final = 200  # races in one application, which keeps all responses and grows slow
LONGEST: Final = 40  # turns of the scheduler: about as many as a cancel needs to reach the job

Resource = dict[str, Any]


class Race:
    """One response, and all readers of the ending; `chance` decides on the order of events."""

    def __init__(self, ann: Client, model: PacedModel, seed: int) -> None:
        self.ann = ann
        self.model = model
        self.chance = random.Random(seed)
        self.conversation = f"c{seed}"
        self.told: list[Resource] = []  # the response objects after the end
        self.went_on = False

    async def run(self) -> str:
        """Run the race; returns the status at the end, which must be the same for all."""
        self.model.let_go = trio.Event()
        job = await self.start()
        assert await job.answering() is None
        path = f"{PATH}/{job.response_id}"

        async def cancel() -> None:
            self.told.append((await self.ann.post(f"{path}/cancel", None)).body)

        async def follow() -> None:
            await self.follow(job, "beginning")

        async def come_back() -> None:
            seen = await job.locate("responses", self.chance.randrange(5))
            await self.follow(job, seen.cursor, seen.frames)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(follow)
            for act in (self.end, cancel, come_back):
                nursery.start_soon(self.late, act, LONGEST)
            nursery.start_soon(self.late, self.go_on, 2 * LONGEST)
        await cancel()
        return await self.check(job.response_id)

    async def start(self) -> JobRef:
        """Start the job as HTTP would, but without HTTP, whose time is no part of the race."""
        job_id = str(ULID())
        echo = {"background": True, "conversation": {"id": self.conversation}}
        prompt = Prompt(
            api_request=ApiRequest(
                api="responses", user="ann", model="paced", echo=echo, store=True
            ),
            messages=(ChatMessage("user", "Hi"),),
            items=tuple(items_of("Hi", job_id, ())),
        )
        turn = Turn(
            job_id=job_id,
            conversation_id=f"ann/{self.conversation}",
            message_id="request",
            response_id=f"resp_{job_id}",
            user="ann",
            model="paced",
            prompt=prompt,
        )
        assert self.ann.app.runtime is not None
        return (await self.ann.app.runtime.jobs.start(turn, "reject")).job

    async def late(self, act: Callable[[], Awaitable[None]], longest: int) -> None:
        await checkpoints(self.chance.randrange(longest))
        await act()

    async def end(self) -> None:
        self.model.let_go.set()

    async def follow(self, job: JobRef, start: Start, seen: bytes = b"") -> None:
        subscription = Subscription(job, "responses", start)
        is_last = False
        while not is_last:
            chunk = await subscription.receive()
            seen, is_last = seen + chunk.data, chunk.last
        *_, last, done, _ = seen.split(b"\n\n")
        assert done == b"data: [DONE]"
        self.told.append(data_of(last)["response"])

    async def go_on(self) -> None:
        """Follow the response: refused until the end, or else the model reads the whole answer."""
        fields = asked("paced", input="More?", conversation=self.conversation, background=True)
        reply = await self.ann.post(PATH, fields)
        if reply.status == 200:
            self.went_on = True
        else:
            assert refusal(reply) == (409, "conversation", "conversation_locked")

    async def check(self, response_id: str) -> str:
        assert self.ann.app.runtime is not None
        responses = self.ann.app.runtime.records.responses
        stored = await responses.find("ann", response_id)
        final = (await self.ann.get(f"{PATH}/{response_id}")).body

        assert self.told == [final] * 4
        assert stored is not None
        assert stored.ending is not None
        assert FoundResponse(None, None, stored).resource() == final
        if self.went_on:
            assert self.model.read() == ["Hi", text_of(final), "More?"]
        return str(final["status"])


async def test_cancel_races_finish() -> None:
    outcomes, went_on = Counter[str](), Counter[bool]()
    for first in range(0, RACES, IN_A_HOUSE):
        model = PacedModel()
        async with open_client(model) as ann:
            for seed in range(first, first + IN_A_HOUSE):
                race = Race(ann, model, seed)
                outcomes[await race.run()] += 1
                went_on[race.went_on] += 1

    assert set(outcomes) == {"completed", "cancelled"}, "the race was never lost, or never won"
    for counted in (outcomes, went_on):
        assert min(counted.values()) > RACES / 10, counted
