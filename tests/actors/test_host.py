"""What a replica says of jobs that are not quite its own yet, or not any more."""

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.host import LocalHost
from legato.actors.wire import Answer, AskStatus, StopJob
from tests.actors.kit import open_house


async def test_who_asks_for_a_job_that_is_being_entered_waits(autojump_clock: MockClock) -> None:
    async with open_house() as house, trio.open_nursery() as nursery:
        host, found = LocalHost(house.supervisor), []

        async def find() -> None:
            found.append(await host.local(turn.job_id))

        turn = house.turn()
        with host.entering(turn.job_id):
            nursery.start_soon(find)
            await wait_all_tasks_blocked()
            assert found == []
            job = house.supervisor.start(turn, "interrupt").job
        await wait_all_tasks_blocked()
        assert found == [job]
        house.model.finish()


async def test_who_asks_while_jobs_are_inherited_waits(autojump_clock: MockClock) -> None:
    async with open_house() as house, trio.open_nursery() as nursery:
        host, found = LocalHost(house.supervisor), []

        async def find() -> None:
            found.append(await host.local("j"))

        host.inherits()
        host.inherits()
        nursery.start_soon(find)
        await wait_all_tasks_blocked()
        assert found == []
        host.has_inherited()
        await wait_all_tasks_blocked()
        assert found == [None]


async def test_a_job_that_is_lost_before_it_answers_is_unknown(autojump_clock: MockClock) -> None:
    async with open_house() as house, trio.open_nursery() as nursery:
        host, answers = LocalHost(house.supervisor), []
        job = house.job(house.start())
        await job.ref.opened()
        house.records.hold()
        house.model.say("so")

        async def stop() -> None:
            answers.append(await host.answer(StopJob(7, job.turn.job_id)))

        nursery.start_soon(stop)
        await wait_all_tasks_blocked()
        job.lose()
        house.records.release()
        await wait_all_tasks_blocked()
        assert answers == [Answer(7, is_known=False)]
        assert await host.answer(AskStatus(8, job.turn.job_id)) == Answer(8, is_known=False)
