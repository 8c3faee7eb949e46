"""The producer steps its own job, in the producer's own turn of the loop."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.lifespan import open_supervisor
from legato.actors.resources import JobResources
from legato.actors.supervisor import Supervisor
from legato.config import Limits
from legato.content import Usage
from legato.events import Failed, Finished, Stopped
from legato.models.contract import FinishReport, ModelEvent, ModelRequest, TextChunk, UsageReport
from tests.support.actors import C2, FlakyRecords, House, PlayedModel, open_house


class Telling(PlayedModel):
    """Notes the length of the job's log at each request for more, and says three words."""

    def __init__(self) -> None:
        super().__init__()
        self.tails: list[int] = []
        self.supervisor: Supervisor | None = None

    @asynccontextmanager
    async def stream(self, request: ModelRequest) -> AsyncIterator[Any]:
        await trio.lowlevel.checkpoint()
        yield self._words()

    async def _words(self) -> AsyncIterator[Sequence[ModelEvent]]:
        assert self.supervisor is not None
        (job,) = self.supervisor.registry
        for word in ("a ", "b ", "c "):
            await trio.lowlevel.checkpoint()
            yield [TextChunk(word)]
            self.tails.append(job.feed.log.tail)
        yield [FinishReport("stop")]


async def test_a_word_is_in_the_log_before_the_model_is_asked_for_the_next(
    autojump_clock: MockClock,
) -> None:
    """Without a turn for anybody else in between: created, the step, the words."""
    model = Telling()
    async with open_supervisor(
        JobResources(records=FlakyRecords(), models={"played": model}, dialects={}, limits=Limits())
    ) as supervisor:
        model.supervisor = supervisor
        await House(supervisor, model, FlakyRecords()).start().ended()

    assert model.tails == [3, 4, 5]


async def test_a_bug_in_a_step_fails_its_job_and_closes_the_provider(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def push() -> None:
        monkeypatch.undo()
        raise RuntimeError("a bug")

    async with open_house() as house:
        job = house.start()
        house.model.say("half")
        await wait_all_tasks_blocked()
        other = house.start(conversation_id=C2)
        await wait_all_tasks_blocked()
        assert house.model.open_connections == 2

        monkeypatch.setattr(house.job(job).feed, "push", push)
        house.model.say("whole")
        ending = await job.ended()

        assert isinstance(ending, Failed)
        assert ending.reason == "internal_error"
        assert ending.response is not None
        assert house.model.open_connections == 1
        house.model.finish()
        assert isinstance(await other.ended(), Finished)


@pytest.mark.parametrize("attempt", range(20))
async def test_a_stop_beside_a_word_has_it_or_not_and_nothing_follows(
    autojump_clock: MockClock, attempt: int
) -> None:
    """The order of tasks in a round is random: the step and the stop come in either order."""
    async with open_house() as house:
        job = house.start()
        await job.opened()
        await wait_all_tasks_blocked()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(job.stop)
            house.model.say("last ")
            house.model.say("words ")
        ending = await job.ended()

        assert isinstance(ending, Stopped)
        response = ending.response
        said = "".join(part.text for part in response.content) if response else ""  # type: ignore[union-attr]
        assert "last words ".startswith(said)
        assert house.job(job).feed.log.ending is ending


@pytest.mark.parametrize(
    ("said", "counted"),
    [
        (Usage(7, 9, 2, 4), Usage(7, 9, 2, 4)),
        (Usage(0, 9, 0, 4), Usage(1, 9, 0, 4)),
        (Usage(7, 0), Usage(7, 2)),
    ],
    ids=["both", "no prompt", "no answer"],
)
async def test_a_side_of_the_usage_that_was_not_said_is_counted_here(
    autojump_clock: MockClock, said: Usage, counted: Usage
) -> None:
    async with open_house() as house:
        job = house.start(text="hello")
        house.model.play(TextChunk("two words"), UsageReport(said))
        house.model.finish()

        assert (await job.ended()).usage == counted
