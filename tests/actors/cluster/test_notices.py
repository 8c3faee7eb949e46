"""Notices among replicas: one order everywhere, and whatever may be missing is said."""

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.cluster.notices import SharedNotices
from legato.actors.notices.board import NoticeReader
from legato.actors.notices.notice import News, Notice
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.notices import MOST
from legato.storage.memory.notices import MemoryNotices
from legato.storage.memory.shared_memory import SharedMemory
from tests.support.replicas import LEASE, Seat, open_replicas


def notice(name: str, user: str = "ann") -> Notice:
    return Notice(user, "started", News(name, at=1))


def follow(seat: Seat, cursor: str | None = None) -> NoticeReader:
    return seat.replica.supervisor.notices.board.follow("ann", cursor)


async def heard(reader: NoticeReader, count: int) -> list[tuple[str, str | None]]:
    """Kinds and generations of the next notices."""
    found: list[tuple[str, str | None]] = []
    with trio.fail_after(60):
        while len(found) < count:
            received = await reader.receive()
            assert received is not None, "it was cut"
            notices = [each.notice for each in received if each.notice]
            found += [(each.kind, each.news.generation_id) for each in notices]
    return found


async def cut(reader: NoticeReader) -> bool:
    with trio.fail_after(60):
        return await reader.receive() is None


async def test_a_job_at_one_replica_is_told_at_all(autojump_clock: MockClock) -> None:
    async with open_replicas(3) as replicas:
        readers = [follow(seat) for seat in replicas.seats]
        job = await replicas.seats[0].start()
        await job.opened()
        await job.stop()

        for reader in readers:
            assert await heard(reader, 2) == [("started", job.job_id), ("ended", job.job_id)]


async def test_a_cursor_of_one_replica_holds_at_another(autojump_clock: MockClock) -> None:
    async with open_replicas(2) as replicas:
        here, there = replicas.seats
        reader = follow(here)
        job = await here.start()
        await job.opened()
        received = await reader.receive()
        assert received is not None
        await job.stop()
        await wait_all_tasks_blocked()
        again = follow(there, received[-1].cursor)

        assert not again.is_reset
        assert await heard(again, 1) == [("ended", job.job_id)]


async def test_the_jobs_of_a_dead_replica_are_told_by_resets_the_last_of_which_is_true(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas(2) as replicas:
        dead, other = replicas.seats
        reader = follow(other)
        job = await dead.start()
        await job.opened()
        [posted] = await reader.receive() or ()
        dead.kill()
        other.replication.pause = 0.2  # the directory hears late of the endings
        running = []
        with trio.move_on_after(5 * LEASE):
            while True:
                assert await reader.receive() is None
                running.append(await other.jobs.active("ann"))
                reader = follow(other)

        assert (running[0], running[-1]) == ([job.conversation_id], [])
        assert follow(other, posted.cursor).is_reset


async def test_a_storage_that_forgets_everything_is_told_by_a_reset(
    autojump_clock: MockClock,
) -> None:
    async with open_replicas(2) as replicas:
        here, there = replicas.seats
        reader = follow(there)
        job = await here.start()
        await job.opened()
        [posted] = await reader.receive() or ()
        replicas.world.forget_everything()
        await wait_all_tasks_blocked()

        assert await cut(reader)
        assert follow(there, posted.cursor).is_reset


class Unreachable(MemoryNotices):
    """A log that cannot be reached while `away`."""

    away = False
    tries = 0

    def __init__(self, shared: SharedMemory) -> None:
        super().__init__(shared, "me", self._look)

    async def _look(self) -> None:
        await trio.lowlevel.checkpoint()
        self.tries += self.away
        if self.away:
            raise StorageError("away")


async def at_once() -> None:
    await trio.lowlevel.checkpoint()


async def test_an_outage_delays_notices_and_repeats_none(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    log = Unreachable(SharedMemory())
    notices = SharedNotices(log, at_once)
    nursery.start_soon(notices.write)
    nursery.start_soon(notices.read)
    reader = notices.board.follow("ann", None)
    log.away = True
    notices.post(notice("a"))
    await trio.sleep(5)
    notices.post(notice("b"))
    assert log.tries > 5
    log.away = False
    await notices.written()

    assert [kind for kind, _ in await heard(reader, 2)] == ["started", "started"]
    nursery.cancel_scope.cancel()


async def test_more_than_can_wait_for_the_storage_is_told_by_a_reset(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    log = Unreachable(SharedMemory())
    notices = SharedNotices(log, at_once)
    nursery.start_soon(notices.write)
    nursery.start_soon(notices.read)
    notices.post(notice("first"))
    await notices.written()
    await wait_all_tasks_blocked()
    reader = notices.board.follow("ann", notices.board.cursor)
    log.away = True
    for number in range(MOST + 5):
        notices.post(notice(str(number)))
    log.away = False
    await notices.written()
    await wait_all_tasks_blocked()

    assert await cut(reader)
    nursery.cancel_scope.cancel()


async def test_a_notice_of_a_later_version_is_left_out_and_said(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    log = Unreachable(SharedMemory())
    notices = SharedNotices(log, at_once)
    nursery.start_soon(notices.read)
    reader = notices.board.follow("ann", None)
    await log.append(1, [b'{"user":"ann","kind":"painted","news":{}}'])
    await wait_all_tasks_blocked()
    assert await cut(reader)
    again = notices.board.follow("ann", notices.board.cursor)
    await log.append(2, [b'{"user":"ann","kind":"ended","news":{"conversationId":"c"}}'])

    assert await heard(again, 1) == [("ended", None)]
    nursery.cancel_scope.cancel()
