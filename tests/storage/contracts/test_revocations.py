"""The promises of every implementation of Revocations."""

from datetime import timedelta

import pytest

from legato.storage.contracts.errors import StorageError, UnstorableText
from legato.storage.contracts.records import Records
from legato.storage.contracts.revocations import MAX_SESSIONS, Revocation, Revocations
from legato.storage.open import open_records
from tests.support.storage.turns import SteppedClock

HOUR = timedelta(hours=1)


@pytest.fixture
def revocations(records: Records) -> Revocations:
    return records.revocations


async def in_force(revocations: Revocations) -> set[tuple[str, str | None]]:
    return {(each.user, each.session) for each in await revocations.in_force()}


async def test_a_revocation_counts_from_the_moment_at_which_it_is_stored(
    revocations: Revocations, clock: SteppedClock
) -> None:
    now = clock.now
    whole = await revocations.revoke_user("ann")
    one = await revocations.revoke_session("bob", "s1", lifetime=HOUR)

    assert whole == Revocation(user="ann", before=now)
    assert one == Revocation(user="bob", session="s1", before=now, until=now + HOUR)
    found = await revocations.in_force()
    assert sorted(found, key=lambda each: each.user) == [whole, one]


async def test_a_session_is_forgotten_when_it_can_be_good_no_more(
    revocations: Revocations, clock: SteppedClock
) -> None:
    await revocations.revoke_session("ann", "s1", lifetime=HOUR)
    await revocations.revoke_session("ann", "s2", lifetime=2 * HOUR)
    await revocations.revoke_user("bob")
    clock.now += HOUR

    assert await in_force(revocations) == {("ann", "s2"), ("bob", None)}
    await revocations.revoke_session("ann", "s3", lifetime=HOUR)
    clock.now += 100_000 * HOUR
    assert await in_force(revocations) == {("bob", None)}


async def test_a_later_revocation_replaces_an_earlier_one_and_never_the_other_way(
    revocations: Revocations, clock: SteppedClock
) -> None:
    await revocations.revoke_user("ann")
    clock.now += HOUR
    later = await revocations.revoke_user("ann")
    clock.now -= HOUR / 2  # somebody set the clock
    await revocations.revoke_user("ann")

    assert await revocations.in_force() == [later]


async def test_who_revokes_too_many_sessions_revokes_all(
    revocations: Revocations, clock: SteppedClock
) -> None:
    await revocations.revoke_session("bob", "b", lifetime=HOUR)
    for number in range(MAX_SESSIONS):
        await revocations.revoke_session("ann", f"s{number}", lifetime=HOUR)
    again = await revocations.revoke_session("ann", "s0", lifetime=HOUR)
    assert len(await revocations.in_force()) == MAX_SESSIONS + 1
    whole = await revocations.revoke_session("ann", "one more", lifetime=HOUR)

    assert again.session == "s0"
    assert whole == Revocation(user="ann", before=clock.now)
    assert await in_force(revocations) == {("ann", None), ("bob", "b")}


async def test_half_of_a_surrogate_pair_is_refused(revocations: Revocations) -> None:
    with pytest.raises(UnstorableText):
        await revocations.revoke_user("abc\ud83c")


async def test_closed_storage_refuses(records: Records) -> None:
    await records.aclose()

    with pytest.raises(StorageError, match="closed"):
        await records.revocations.in_force()


async def test_revocations_outlive_the_process(sql_url: str) -> None:
    async with open_records(sql_url) as records:
        await records.revocations.revoke_user("ann")
        stored = await records.revocations.revoke_session("bob", "s1", lifetime=HOUR)
    async with open_records(sql_url) as records:
        found = await records.revocations.in_force()

    assert {(each.user, each.session) for each in found} == {("ann", None), ("bob", "s1")}
    assert stored in found
