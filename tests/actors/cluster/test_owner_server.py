"""A replica's answers about jobs that are not quite its own yet, or not any more."""

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.cluster.entering import EnteringJobs
from legato.actors.cluster.failover import Failover
from legato.actors.cluster.owner_server import OwnerServer
from legato.actors.cluster.protocol import Call, Reply
from legato.actors.durability.takeover import TakeoverPolicy
from legato.actors.messages import GetStatus, Stop
from legato.actors.ref import LocalRef
from legato.storage.memory.journal import MemoryJournal
from tests.actors.test_parking import Place, begin
from tests.support.actors import House, open_house
from tests.support.parking import asked, parked


def host_of(
    house: House, nursery: trio.Nursery, entering: EnteringJobs | None = None
) -> OwnerServer:
    journal = MemoryJournal()
    nothing = Failover(nursery, house.supervisor, journal, house.records, TakeoverPolicy(), 600)
    return OwnerServer(house.supervisor, nothing, entering or EnteringJobs())


async def test_who_asks_for_a_job_that_is_being_entered_waits(autojump_clock: MockClock) -> None:
    async with open_house() as house, trio.open_nursery() as nursery:
        entering = EnteringJobs()
        host = host_of(house, nursery, entering)
        found: list[LocalRef | None] = []

        async def find() -> None:
            found.append(await host.local(turn.job_id))

        turn = house.turn()
        with entering.enter(turn.job_id):
            nursery.start_soon(find)
            await wait_all_tasks_blocked()
            assert found == []
            job = house.jobs.start_now(turn, "interrupt").job
        await wait_all_tasks_blocked()
        assert [each.job_id for each in found if each] == [job.job_id]
        house.model.finish()


async def test_a_job_that_is_lost_before_it_answers_is_unknown(autojump_clock: MockClock) -> None:
    async with open_house() as house, trio.open_nursery() as nursery:
        host, answers = host_of(house, nursery), []
        job = house.job(house.start())
        await job.ref.opened()
        house.records.hold()
        house.model.say("so")
        await wait_all_tasks_blocked()

        async def stop() -> None:
            answers.append(await host.answer(Call(7, job.turn.job_id, Stop("s"))))

        nursery.start_soon(stop)
        await wait_all_tasks_blocked()
        job.ownership.lose()
        house.records.release()
        await wait_all_tasks_blocked()
        assert answers == [Reply(7, is_known=False)]
        status = Call(8, job.turn.job_id, GetStatus())
        assert await host.answer(status) == Reply(8, is_known=False)


async def test_a_parked_run_that_cannot_be_read_is_said_to_be_there(
    autojump_clock: MockClock,
) -> None:
    place = Place()
    async with place.open() as house, trio.open_nursery() as nursery:
        host, job = host_of(house, nursery), begin(house)
        await asked(job)
        await parked(house, job)
        place.journal.is_away = True
        reply = await host.answer(Call(7, job.job_id, GetStatus()))

    assert (reply.is_known, reply.fault) == (True, "the disk is gone")


async def test_a_process_that_begins_to_leave_leaves_the_runs_that_it_wakes(
    autojump_clock: MockClock,
) -> None:
    place = Place()
    async with place.open() as house, trio.open_nursery() as nursery:
        host, job, answers = host_of(house, nursery), begin(house), []
        await asked(job)
        await parked(house, job)
        place.journal.hold()

        async def ask(number: int) -> None:
            answers.append(await host.answer(Call(number, job.job_id, GetStatus())))

        nursery.start_soon(ask, 7)
        await wait_all_tasks_blocked()
        house.supervisor.drain.refuse_starts()
        await ask(8)
        place.journal.release()
        await wait_all_tasks_blocked()

    assert answers == [Reply(8, is_leaving=True), Reply(7, is_leaving=True)]
