"""The copy of the revocations: refusals, and the time until a revocation holds."""

from datetime import timedelta

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.http.auth.revoked import REFRESH, RevocationList, open_revocation_list
from legato.http.auth.tokens import Unauthorized, User
from legato.storage.contracts.revocations import Revocation
from legato.storage.memory.records import MemoryRecords
from tests.support.storage.turns import START, SteppedClock

NOW = START.timestamp()


def is_refused(known: RevocationList, user: User) -> bool:
    try:
        known.check(user)
    except Unauthorized:
        return True
    return False


@pytest.fixture
def records() -> MemoryRecords:
    return MemoryRecords(clock=SteppedClock())


@pytest.mark.parametrize(
    ("user", "refused"),
    [
        (User("ann", NOW - 0.001), True),
        (User("ann", NOW), False),
        (User("ann", NOW + 1), False),
        (User("ann"), True),
        (User("ann", NOW - 1, session="s1"), True),
        (User("bob", NOW - 1), False),
        (User("bob", NOW - 1, session="s1"), True),
        (User("bob", NOW - 1, session="s2"), False),
        (User("eve", NOW - 1, session="s1"), False),
    ],
)
async def test_what_was_issued_before_is_refused(
    records: MemoryRecords, user: User, refused: bool
) -> None:
    await records.revocations.revoke_user("ann")
    await records.revocations.revoke_session("bob", "s1", lifetime=timedelta(hours=1))
    async with open_revocation_list(records.revocations) as known:
        assert is_refused(known, user) is refused


async def test_another_process_s_revocation_is_known_within_two_seconds(
    records: MemoryRecords, autojump_clock: MockClock
) -> None:
    async with open_revocation_list(records.revocations) as known:
        await records.revocations.revoke_user("ann")
        await trio.sleep(REFRESH + 0.001)

        assert REFRESH == 2
        assert is_refused(known, User("ann", NOW - 1))


async def test_while_storage_is_away_what_is_known_holds(
    records: MemoryRecords, autojump_clock: MockClock
) -> None:
    await records.revocations.revoke_user("ann")
    with capture_logs() as logs:
        async with open_revocation_list(records.revocations) as known:
            await records.aclose()
            await trio.sleep(3 * REFRESH + 0.001)

            assert is_refused(known, User("ann", NOW - 1))
            assert not is_refused(known, User("bob", NOW - 1))
    assert len(logs) == 1


async def test_a_log_out_holds_though_a_reading_began_before_it(records: MemoryRecords) -> None:
    class Held:
        """Revocations whose reading takes as long as a test wants."""

        def __init__(self) -> None:
            self.let_go = trio.Event()
            self.revoke_user = records.revocations.revoke_user
            self.revoke_session = records.revocations.revoke_session

        async def in_force(self) -> list[Revocation]:
            found = [*await records.revocations.in_force()]
            await self.let_go.wait()
            return found

    held = Held()
    known, ann = RevocationList(held), User("ann", NOW - 1, NOW + 60, "s1")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(known.read)
        await wait_all_tasks_blocked()
        await known.log_out(ann)
        held.let_go.set()

    assert is_refused(known, ann)
