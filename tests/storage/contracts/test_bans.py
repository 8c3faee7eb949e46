"""The promises of every implementation of Bans."""

from datetime import timedelta

import pytest
import trio

from legato.storage.contracts.bans import Ban, Bans
from legato.storage.contracts.records import Records
from legato.storage.open import open_records
from tests.support.storage.turns import START, SteppedClock

HOUR = timedelta(hours=1)


@pytest.fixture
def bans(records: Records) -> Bans:
    return records.bans


def ban(subject: str, hours: float, *, kind: str = "manual", score: int = 0) -> Ban:
    return Ban(subject=subject, kind=kind, until=START + hours * HOUR, score=score)


async def in_force(bans: Bans, limit: int = 100) -> list[Ban]:
    return [*await bans.in_force(limit=limit)]


async def test_bans_are_in_force_until_their_time_the_longest_first(
    bans: Bans, clock: SteppedClock
) -> None:
    ann, ip = ban("user:ann", 1, kind="concurrent", score=20), ban("ip:192.0.2.1", 2)
    await bans.ban([ann, ip])

    assert await in_force(bans) == [ip, ann]
    assert await in_force(bans, limit=1) == [ip]
    clock.now = START + HOUR
    assert await in_force(bans) == [ip]
    clock.now = START + 2 * HOUR
    assert await in_force(bans) == []


async def test_a_longer_ban_stays_and_a_shorter_is_replaced(bans: Bans) -> None:
    await bans.ban([ban("user:ann", 2)])
    await bans.ban([ban("user:ann", 1, kind="logins")])
    assert await in_force(bans) == [ban("user:ann", 2)]

    await bans.ban([ban("user:ann", 3, kind="logins", score=40)])
    assert await in_force(bans) == [ban("user:ann", 3, kind="logins", score=40)]


async def test_a_ban_that_ran_out_does_not_stay_for_being_longer(
    bans: Bans, clock: SteppedClock
) -> None:
    await bans.ban([ban("user:ann", 1)])
    clock.now = START + 5 * HOUR
    await bans.ban([ban("user:bob", 7)])
    await bans.ban([ban("user:ann", 6, kind="logins")])

    assert await in_force(bans) == [ban("user:bob", 7), ban("user:ann", 6, kind="logins")]


async def test_scores_add_up_for_each_subject_and_kind(bans: Bans) -> None:
    both = ["user:ann", "ip:192.0.2.1"]

    assert await bans.blame(both, "concurrent", 2, lifetime=HOUR) == [2, 2]
    assert await bans.blame(["user:ann"], "concurrent", 1, lifetime=HOUR) == [3]
    assert await bans.blame(both, "concurrent", 1, lifetime=HOUR) == [4, 3]
    assert await bans.blame(both, "non_browser", 20, lifetime=HOUR) == [20, 20]


async def test_a_score_is_forgotten_when_it_was_not_raised_for_its_lifetime(
    bans: Bans, clock: SteppedClock
) -> None:
    await bans.blame(["user:ann"], "concurrent", 1, lifetime=HOUR)
    clock.now = START + 0.9 * HOUR
    assert await bans.blame(["user:ann"], "concurrent", 1, lifetime=HOUR) == [2]
    clock.now = START + 1.8 * HOUR
    assert await bans.blame(["user:ann"], "concurrent", 1, lifetime=HOUR) == [3]
    clock.now = START + 2.8 * HOUR
    assert await bans.blame(["user:ann"], "concurrent", 1, lifetime=HOUR) == [1]


async def test_lifting_ends_a_ban_and_forgets_what_led_to_it(bans: Bans) -> None:
    await bans.blame(["user:ann", "user:bob"], "concurrent", 7, lifetime=HOUR)
    await bans.ban([ban("user:ann", 1), ban("user:bob", 1)])

    assert await bans.lift("user:ann")
    assert not await bans.lift("user:ann")
    assert await in_force(bans) == [ban("user:bob", 1)]
    scores = await bans.blame(["user:ann", "user:bob"], "concurrent", 1, lifetime=HOUR)
    assert scores == [1, 8]


async def test_what_ran_out_cannot_be_lifted(bans: Bans, clock: SteppedClock) -> None:
    await bans.ban([ban("user:ann", 1)])
    clock.now = START + HOUR

    assert not await bans.lift("user:ann")


async def test_no_violation_is_lost_when_many_come_at_once(bans: Bans) -> None:
    found: list[int] = []

    async def blame(subjects: list[str]) -> None:
        found.append((await bans.blame(subjects, "concurrent", 1, lifetime=HOUR))[0])

    async with trio.open_nursery() as nursery:
        for number in range(20):
            order = ["user:ann", "ip:192.0.2.1"]
            nursery.start_soon(blame, order if number % 2 else order[::-1])

    assert sorted(found) == [*range(1, 21)]


async def test_bans_outlive_the_process(sql_url: str, clock: SteppedClock) -> None:
    async with open_records(sql_url, clock=clock) as records:
        await records.bans.ban([ban("user:ann", 1)])
        await records.bans.blame(["user:ann"], "logins", 1, lifetime=HOUR)
    async with open_records(sql_url, clock=clock) as records:
        assert await in_force(records.bans) == [ban("user:ann", 1)]
        assert await records.bans.blame(["user:ann"], "logins", 1, lifetime=HOUR) == [2]
