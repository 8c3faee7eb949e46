"""Replicas of one world: a job is followed, asked and stopped from any of them."""

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from legato.actors.admission import Busy, TooManyForUser
from legato.actors.cluster.owner_server import OwnerServer
from legato.actors.local_jobs import LocalJobs
from legato.actors.mailbox import ActorStopped
from legato.actors.messages import Standing
from legato.actors.ref import JobRef
from legato.actors.stream.places import UnknownDialect
from legato.actors.subscription import Subscription
from legato.events import Created, Queued, Stopped
from legato.storage.contracts.errors import ForeignConversation, StorageError
from tests.support.actors import C1, C2, SimulatedClient, open_house
from tests.support.replicas import LEASE, open_replicas, supervisor_at


async def read(job: JobRef, client: SimulatedClient) -> None:
    """Follow to the ending."""
    subscription = Subscription(job, "librechat", client.cursor or "beginning")
    while client.terminal is None:
        client.feed((await subscription.receive()).data)


async def told(client: SimulatedClient, text: str) -> None:
    while "".join(part.get("text", "") for part in client.content) != text:  # noqa: ASYNC110
        await trio.sleep(0.01)


async def ended(*clients: SimulatedClient) -> None:
    while not all(client.terminal for client in clients):  # noqa: ASYNC110
        await trio.sleep(0.01)


async def test_a_job_is_followed_from_another_replica(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas, trio.open_nursery() as nursery:
        here, there = replicas.seats
        job = await here.start()
        mine, theirs = SimulatedClient(), SimulatedClient()
        nursery.start_soon(read, job, mine)
        nursery.start_soon(read, await there.find(C1), theirs)
        here.model.say("Hel")
        await told(theirs, "Hel")
        here.model.say("lo")
        here.model.finish()
        with trio.fail_after(5):
            await ended(mine, theirs)
        assert theirs.frames == mine.frames
        assert theirs.seqs == [*range(1, len(theirs.seqs) + 1)]


async def test_stopped_from_another_replica(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        job = await here.start()
        here.model.say("Hel")
        remote = await there.find(job.job_id)
        assert (await remote.status()).standing is Standing.RUNNING
        assert await there.jobs.active("ann") == [C1]
        reply = await remote.stop()
        assert isinstance(reply.ending, Stopped)
        assert not reply.already_ended
        assert here.model.open_connections == 0
        assert (await remote.status()).standing is Standing.ABORTED
        assert await there.jobs.active("ann") == []
        assert (await remote.stop()).already_ended
        stored = await replicas.records.messages(C1)
        assert [message.unfinished for message in stored] == [False, True]


async def test_an_owner_that_dies_is_inherited_from(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas, trio.open_nursery() as nursery:
        here, there = replicas.seats
        await here.start()
        client = SimulatedClient()
        nursery.start_soon(read, await there.find(C1), client)
        here.model.say("Hello")
        await told(client, "Hello")
        await trio.sleep(1)
        here.kill()
        with trio.fail_after(LEASE * 1.2):
            await ended(client)
        assert b"server_restart" in (client.terminal or b"")
        assert client.seqs == [*range(1, len(client.seqs) + 1)]
        stored = await replicas.records.messages(C1)
        assert [message.unfinished for message in stored] == [False, True]


async def test_starts_are_decided_for_all_replicas(autojump_clock: MockClock) -> None:
    async with open_replicas(max_running_jobs_per_user=2) as replicas:
        here, there = replicas.seats
        job = await here.start(request_id="r")
        await job.opened()
        with pytest.raises(Busy):
            await there.begin("reject")
        await there.begin(conversation_id=C2)
        with pytest.raises(TooManyForUser):
            await there.begin("enqueue")
        assert await there.jobs.knows(replicas.turn(request_id="r"))
        assert not await there.jobs.knows(replicas.turn(request_id="s"))
        assert not await there.jobs.knows(replicas.turn())
        again = await there.begin(request_id="r")
        assert again.joined
        assert again.job.job_id == job.job_id
        assert again.job.created_at == job.created_at
        assert await again.job.opened() == await job.opened()


async def test_anothers_conversation_is_foreign_and_an_unknown_one_unknown(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        job = await here.start()
        await job.opened()
        with pytest.raises(ForeignConversation):
            await there.jobs.whereis("bob", C1)
        assert await there.jobs.whereis("ann", C2) is None
        assert await there.jobs.whereis("ann", replicas.turn().job_id) is None


async def test_who_cannot_reach_the_others_says_so(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        await there.jobs.ping()
        there.replication.away = True
        await trio.sleep(2)
        with pytest.raises(StorageError, match="away"):
            await there.jobs.ping()
        with pytest.raises(StorageError, match="away"):
            await there.start()
        await here.jobs.ping()
        there.replication.away = False
        await trio.sleep(2)
        await there.jobs.ping()


async def test_a_start_that_is_not_decided_in_time_is_withdrawn(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        there.replication.pause = 20.0
        with pytest.raises(StorageError, match="in time"):
            await there.start()
        there.replication.pause = 0.0
        await trio.sleep(60)
        assert replicas.world.infos == {}
        await here.start("reject")


async def test_alone_all_is_known_at_once(autojump_clock: MockClock) -> None:
    async with open_house() as house:
        jobs = LocalJobs(house.supervisor)
        started = await jobs.start(house.turn(), "interrupt")
        await started.job.opened()
        assert await jobs.active("ann") == [C1]
        assert len(await jobs.expected("ann", C1)) == 2
        house.model.finish()
        await jobs.titled("ann", C1)
        for _ in range(2):
            await jobs.discard(started.job.job_id)
        assert await jobs.whereis("ann", C1) is None
        await jobs.start(house.turn(), "interrupt")
        await jobs.close_conversation("ann", C1)
        await jobs.ping()
        assert await jobs.whereis("ann", C1) is None


async def test_a_stop_finds_the_owner_that_there_is(autojump_clock: MockClock) -> None:
    """The asked owner lost the job before answering."""
    async with open_replicas(3) as replicas:
        here, there, third = replicas.seats
        job = await here.start()
        here.model.say("half")
        await trio.sleep(1)
        remote = await third.find(job.job_id)
        here.replication.away = True
        replies = []

        async def stop() -> None:
            replies.append(await remote.stop())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(stop)
            await trio.sleep(1.2 * LEASE)
            here.replication.away = False
        await trio.sleep(2)
        assert replies[0].already_ended
        assert here.model.open_connections == 0
        assert there.model.open_connections == 0


async def test_a_wait_for_the_end_outlives_an_owner(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        job = await here.start()
        await trio.sleep(1)
        queued = await there.begin("enqueue")
        stored_log = replicas.world.stored_logs[job.job_id]
        stored_log.owner, stored_log.epoch, stored_log.attempts = there.replication.me, 2, 1
        here.model.say("too late")
        await trio.sleep(3)
        assert here.model.open_connections == 0
        assert there.model.requests, "its turn has come"
        assert queued.queued


async def test_a_job_is_let_go_of_by_whoever_asks(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        job, queued = await here.start(request_id="r"), await here.start("enqueue")
        for job_id in (job.job_id, job.job_id, "never there"):
            await there.jobs.discard(job_id)
        assert await there.jobs.whereis("ann", job.job_id) is None
        assert not await here.jobs.knows(replicas.turn(request_id="r"))
        assert isinstance(await queued.opened(), Created)


async def test_what_was_let_go_of_is_not_there_for_anybody(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        job = await here.start()
        await job.opened()
        remote = await there.find(job.job_id)
        await supervisor_at(here).close_conversation(C1)
        with pytest.raises(ActorStopped):
            await remote.stop()
        await there.jobs.close_conversation("ann", C1)
        assert await there.jobs.active("ann") == []


async def test_a_reader_who_saw_what_is_lost_with_its_owner_gets_a_snapshot(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas(3) as replicas, trio.open_nursery() as nursery:
        here, _, far = replicas.seats
        far.replication.inherits = False
        await here.start()
        client = SimulatedClient()
        nursery.start_soon(read, await far.find(C1), client)
        here.model.say("kept")
        await told(client, "kept")
        await trio.sleep(1)
        here.replication.keeps = False
        here.model.say(" and lost")
        await told(client, "kept and lost")
        here.kill()
        with trio.fail_after(LEASE * 1.5):
            await ended(client)
        assert client.syncs == 1
        assert client.content[0]["text"] == "kept"


async def test_a_conversation_that_went_before_the_model_could_go_on_fails_by_name(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas(on_owner_lost="continue") as replicas:
        here, there = replicas.seats
        job = await here.start()
        here.model.say("half")
        await trio.sleep(1)
        here.kill()
        replicas.records.gone_after = 1
        await trio.sleep(1.5 * LEASE)
        status = await (await there.find(job.job_id)).status()
        assert status.standing is Standing.ERROR
        assert there.model.requests == []


async def test_what_is_not_kept_is_said_to_whoever_asks_if_it_is_ready(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here = replicas.seats[0]
        await here.jobs.ping()
        await here.start()
        await trio.sleep(1)
        here.replication.keeps = False
        here.model.say("so")
        await trio.sleep(1)
        with pytest.raises(StorageError, match="Generations not kept yet: 1"):
            await here.jobs.ping()
        here.replication.keeps = True
        await trio.sleep(10)
        await here.jobs.ping()


async def test_a_stop_is_answered_in_time_and_the_ending_waits_for_the_journal(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas(store_timeout=5) as replicas, trio.open_nursery() as nursery:
        here, there = replicas.seats
        job = await here.start()
        mine, theirs = SimulatedClient(), SimulatedClient()
        nursery.start_soon(read, job, mine)
        nursery.start_soon(read, await there.find(C1), theirs)
        here.model.say("so far")
        await told(theirs, "so far")
        await trio.sleep(1)
        here.replication.keeps = False
        with trio.fail_after(6):
            reply = await job.stop()
        assert reply.ending.unsaved
        assert here.model.open_connections == 0
        await trio.sleep(20)
        assert mine.terminal is None, "another replica might come to another ending"
        here.replication.keeps = True
        await ended(mine, theirs)
        assert mine.terminal == theirs.terminal
        assert isinstance((await job.stop()).ending, Stopped)


async def test_a_turn_interrupts_one_of_another_replica(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        first = await here.start()
        here.model.say("so far")
        await trio.sleep(1)
        await there.start("interrupt", request_id="r")
        await trio.sleep(1)
        assert isinstance((await first.stop()).ending, Stopped)
        assert here.model.open_connections == 0
        assert there.model.open_connections == 1
        again = await here.begin(request_id="r")
        assert again.joined
        assert await here.jobs.knows(replicas.turn(request_id="r"))
        assert not await here.jobs.knows(replicas.turn(request_id="another"))
        with pytest.raises(Busy):
            await here.start("reject")


async def test_a_turn_that_never_began_is_gone_after_its_time(autojump_clock: MockClock) -> None:
    async with open_replicas(retention=5) as replicas:
        here, there = replicas.seats
        await here.start()
        await trio.sleep(1)
        queued = await there.start("enqueue")
        there.replication.forgets_nothing = 1
        await queued.stop()
        await trio.sleep(2)
        assert replicas.world.stages[queued.job_id] == "void"
        status = await (await here.find(queued.job_id)).status()
        assert status.standing is Standing.ABORTED
        await trio.sleep(6)
        assert await here.jobs.whereis("ann", queued.job_id) is None


async def test_a_world_that_lost_everything_is_told_all_again(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        ended_ = await here.start(conversation_id=C2)
        here.model.say("done")
        here.model.finish()
        await trio.sleep(1)
        running = await here.start()
        here.model.say("so far")
        await trio.sleep(1)
        queued = await here.start("enqueue")
        replicas.world.forget_everything()
        await trio.sleep(3)
        assert replicas.world.stages == {
            ended_.job_id: "ended",
            running.job_id: "begun",
            queued.job_id: "begun",
        }
        client = SimulatedClient()
        await read(await there.find(ended_.job_id), client)
        assert client.content[0]["text"] == "done"
        here.model.finish()
        await trio.sleep(3)  # which turn is next is known once every replica has told its jobs
        assert replicas.world.stored_logs[running.job_id].marked_done
        assert here.model.open_connections == 1


async def test_what_is_still_its_own_a_replica_keeps(autojump_clock: MockClock) -> None:
    async with open_replicas(1) as replicas:
        [here] = replicas.seats
        await here.start()
        await trio.sleep(1)
        here.replication.away = True
        await trio.sleep(1.2 * LEASE)
        here.replication.away = False
        await trio.sleep(2)
        assert here.model.open_connections == 1


async def test_a_follower_may_leave_before_it_was_told_anything(autojump_clock: MockClock) -> None:
    async with open_replicas(1) as replicas:
        Subscription(await replicas.seats[0].start(), "librechat", "beginning").leave()


async def test_a_job_that_only_the_journal_lost_is_told_from_its_beginning(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas(1) as replicas:
        [here] = replicas.seats
        job = await here.start()
        here.model.say("so ")
        await trio.sleep(1)
        del replicas.world.stored_logs[job.job_id]
        here.model.say("far")
        await trio.sleep(1)
        [entries] = replicas.world.stored_logs[job.job_id].entries
        assert (entries.first, len(entries.events)) == (1, 4)


async def test_a_turn_that_waited_at_a_dead_replica_ends_by_name(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        await here.start()
        await trio.sleep(1)
        queued = await there.start("enqueue")
        there.kill()
        client = SimulatedClient()
        await read(await here.find(queued.job_id), client)
        assert client.seqs == [1]
        assert b"event: error" in (client.terminal or b"")
        assert [*await here.jobs.active("ann")] == [C1]
        await trio.sleep(1)
        await here.jobs.close_conversation("ann", C1)
        assert replicas.world.infos == {}


async def test_what_a_queued_turn_comes_to_is_heard_at_any_replica(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        running = await here.start()
        await running.opened()
        queued = await here.start("enqueue", request_id="r")
        again = await there.begin("enqueue", request_id="r")
        assert again.joined
        assert isinstance(await again.job.queued(), Queued)
        await running.stop()
        assert isinstance(await again.job.opened(), Created)
        here.model.say("well")
        assert await again.job.answering() is None
        here.model.finish()
        assert await again.job.ended() == await queued.ended()


async def test_a_queued_turn_of_a_dead_replica_waits_for_its_turn_at_another(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas(3) as replicas:
        here, there, third = replicas.seats
        running = await there.start()
        await running.opened()
        queued = await here.start("enqueue")
        assert isinstance(await queued.queued(), Queued)
        here.kill()
        await trio.sleep(5 * LEASE)
        ref = await third.find(queued.job_id)
        assert (await ref.status()).snapshot.created is None, "the turn before is running"
        there.model.finish()
        await running.ended()
        assert isinstance(await ref.opened(), Created)
        await ref.stop()


async def test_nobody_speaks_an_unknown_dialect_anywhere(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        job = await here.start()
        await job.opened()
        remote = await there.find(job.job_id)
        for ref in (job, remote):
            with pytest.raises(UnknownDialect):
                await ref.locate("klingon", 3)
            with pytest.raises(UnknownDialect):
                await Subscription(ref, "klingon", "beginning").receive()
        assert (await remote.status()).standing is Standing.RUNNING


async def test_an_owner_that_fails_to_answer_says_so(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        job = await here.start()
        await job.opened()

        async def clumsy(self: object, question: object) -> None:
            raise KeyError("a bug")

        monkeypatch.setattr(OwnerServer, "answer", clumsy)
        with pytest.raises(StorageError, match="failed to answer"):
            await (await there.find(job.job_id)).status()


async def test_starts_are_refused_at_once_while_replicas_are_out_of_reach(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here, _ = replicas.seats
        here.replication.away = True
        await trio.sleep(LEASE)
        began = trio.current_time()
        with pytest.raises(StorageError):
            await here.start()
        assert trio.current_time() == began


async def test_who_was_away_lets_go_though_the_shared_storage_fails_once_more(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas() as replicas:
        here, _there = replicas.seats
        job = await here.start()
        await job.opened()
        here.replication.away = True
        await trio.sleep(3 * LEASE)
        find, fails = here.replication.find, [1]

        async def failing(job_id: str) -> Any:
            if fails:
                fails.pop()
                raise StorageError("once more")
            return await find(job_id)

        here.replication.find = failing  # type: ignore[method-assign]
        here.replication.away = False
        await trio.sleep(LEASE)
        assert supervisor_at(here).registry.find(job.job_id) is None
        assert not fails


async def test_a_turn_waits_on_though_the_owner_of_the_one_before_fails_to_answer(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_replicas() as replicas:
        here, there = replicas.seats
        job = await here.start()
        await job.opened()
        answer = OwnerServer.answer

        async def clumsy(self: object, question: object) -> None:
            raise KeyError("a bug")

        monkeypatch.setattr(OwnerServer, "answer", clumsy)
        after = await there.start("interrupt")
        await trio.sleep(5)
        assert (await after.status()).snapshot.created is None
        monkeypatch.setattr(OwnerServer, "answer", answer)
        await job.stop()
        assert isinstance(await after.opened(), Created)
        await after.stop()


async def test_what_answers_here_is_found_by_its_conversation(autojump_clock: MockClock) -> None:
    async with open_replicas() as replicas:
        here, _ = replicas.seats
        job = await here.start()
        assert (await here.find(C1)).job_id == job.job_id, "it is on its way"
        await job.opened()
        replicas.world.forget_everything()
        assert (await here.find(C1)).job_id == job.job_id, "without the directory"
