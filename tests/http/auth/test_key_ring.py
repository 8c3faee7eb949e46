"""Keys are looked up seldom, refused soon, and their uses written by and by."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.http.auth.api_keys import Minted, mint
from legato.http.auth.authenticator import Unauthorized
from legato.http.auth.key_ring import (
    KNOWN,
    LIFE,
    SWEEP_INTERVAL,
    USE_INTERVAL,
    KeyRing,
    open_key_ring,
)
from legato.storage.contracts.errors import StorageError
from legato.storage.contracts.keys import ApiKey
from legato.storage.memory.keys import MemoryApiKeys
from tests.support.storage.turns import START, SteppedClock

SECOND = timedelta(seconds=1)


async def enter(*_: object) -> None:
    await trio.lowlevel.checkpoint()


class AttentiveKeys(MemoryApiKeys):
    """Counts lookups and writes, and can be made to wait, or to fail."""

    def __init__(self) -> None:
        super().__init__(enter)
        self.found = 0
        self.noted: list[Mapping[str, datetime]] = []
        self.gate = trio.Event()
        self.gate.set()
        self.is_broken = False

    async def find(self, digest: str) -> ApiKey | None:
        self.found += 1
        key = await super().find(digest)
        await self.gate.wait()
        return key

    async def note_uses(self, uses: Mapping[str, datetime]) -> None:
        self._fail()
        await self.gate.wait()
        self.noted.append(uses)
        await super().note_uses(uses)

    async def delete_expired(self, now: datetime) -> None:
        self._fail()
        await super().delete_expired(now)

    def _fail(self) -> None:
        if self.is_broken:
            raise StorageError("The disk is full.")


@pytest.fixture
def keys() -> AttentiveKeys:
    return AttentiveKeys()


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def ring(keys: AttentiveKeys, clock: SteppedClock) -> KeyRing:
    return KeyRing(keys, clock=clock)


async def add(keys: AttentiveKeys, *, expires_at: datetime | None = None) -> Minted:
    minted = mint("ann", "test", now=START, expires_at=expires_at)
    await keys.add(minted.key)
    return minted


async def test_a_key_is_looked_up_once_in_its_life(
    keys: AttentiveKeys, ring: KeyRing, autojump_clock: MockClock
) -> None:
    minted = await add(keys)
    for _ in range(3):
        assert await ring.use(minted.secret) == minted.key
    assert keys.found == 1

    await trio.sleep(LIFE)
    assert await ring.use(minted.secret) == minted.key
    assert keys.found == 2


async def test_what_is_no_key_is_not_looked_up_at_all(keys: AttentiveKeys, ring: KeyRing) -> None:
    minted = await add(keys)
    for wrong in ("", "sk-", minted.secret.upper(), f"{minted.secret}0", f"{minted.secret}\n"):
        with pytest.raises(Unauthorized, match="not one of this server's"):
            await ring.use(wrong)

    assert keys.found == 0


async def test_no_more_keys_are_remembered_than_allowed(keys: AttentiveKeys, ring: KeyRing) -> None:
    first = await add(keys)
    await ring.use(first.secret)
    for _ in range(KNOWN):
        await ring.use((await add(keys)).secret)
    assert keys.found == KNOWN + 1

    await ring.use(first.secret)
    assert keys.found == KNOWN + 2


async def test_a_key_deleted_here_is_refused_at_once(keys: AttentiveKeys, ring: KeyRing) -> None:
    deleted, other = await add(keys), await add(keys)
    for minted in (deleted, other):
        await ring.use(minted.secret)

    assert await ring.delete(deleted.key.id)
    assert not await ring.delete(deleted.key.id)
    with pytest.raises(Unauthorized):
        await ring.use(deleted.secret)
    assert await ring.use(other.secret) == other.key


async def test_a_key_deleted_while_it_was_looked_up_is_not_remembered(
    keys: AttentiveKeys, ring: KeyRing, nursery: trio.Nursery
) -> None:
    minted = await add(keys)
    keys.gate = trio.Event()
    nursery.start_soon(ring.use, minted.secret)
    await wait_all_tasks_blocked()
    await ring.delete(minted.key.id)
    keys.gate.set()
    await wait_all_tasks_blocked()

    with pytest.raises(Unauthorized):
        await ring.use(minted.secret)


async def test_a_key_expires_though_it_is_remembered(
    keys: AttentiveKeys, ring: KeyRing, clock: SteppedClock
) -> None:
    minted = await add(keys, expires_at=START + SECOND)
    clock.now = START + SECOND - timedelta(microseconds=1)
    assert await ring.use(minted.secret) == minted.key

    clock.now = START + SECOND
    with pytest.raises(Unauthorized, match="expired"):
        await ring.use(minted.secret)


async def test_uses_are_written_at_once_and_then_once_a_minute(
    keys: AttentiveKeys, clock: SteppedClock, autojump_clock: MockClock
) -> None:
    first, second = await add(keys), await add(keys)
    async with open_key_ring(keys, clock=clock) as ring:
        await ring.use(first.secret)
        await wait_all_tasks_blocked()
        assert keys.noted == [{first.key.id: START}]

        clock.now = START + SECOND
        for minted in (first, second, first):
            await ring.use(minted.secret)
        await trio.sleep(USE_INTERVAL - 1)
        assert len(keys.noted) == 1
        await trio.sleep(2)
        assert keys.noted[1:] == [dict.fromkeys((first.key.id, second.key.id), clock.now)]

        await trio.sleep(10 * USE_INTERVAL)
        assert len(keys.noted) == 2


async def test_the_last_uses_are_written_at_the_end(
    keys: AttentiveKeys, clock: SteppedClock
) -> None:
    minted = await add(keys)
    async with open_key_ring(keys, clock=clock) as ring:
        await ring.use(minted.secret)
        await wait_all_tasks_blocked()
        clock.now = START + SECOND
        await ring.use(minted.secret)

    [key] = await keys.of_user("ann")
    assert key.last_used_at == START + SECOND


async def test_a_write_that_hangs_delays_nobody(keys: AttentiveKeys, clock: SteppedClock) -> None:
    minted = await add(keys)
    async with open_key_ring(keys, clock=clock) as ring:
        await ring.use(minted.secret)
        keys.gate = trio.Event()
        await wait_all_tasks_blocked()
        assert await ring.use(minted.secret) == minted.key
        keys.gate.set()


async def test_storage_that_fails_is_said_and_asked_again(
    keys: AttentiveKeys, clock: SteppedClock, autojump_clock: MockClock
) -> None:
    minted = await add(keys)
    expired = await add(keys, expires_at=START)
    keys.is_broken = True
    with capture_logs() as logs:
        async with open_key_ring(keys, clock=clock) as ring:
            await ring.use(minted.secret)
            await trio.sleep(1)
            keys.is_broken = False
            await trio.sleep(SWEEP_INTERVAL)
            await ring.use(minted.secret)

    assert {(entry["event"], entry["error"]) for entry in logs} == {
        ("uses of API keys not noted", "The disk is full."),
        ("expired API keys not removed", "The disk is full."),
    }
    assert await keys.get(expired.key.id) is None
    assert [*keys.noted[0]] == [minted.key.id]


async def test_expired_keys_are_removed_as_time_goes(
    keys: AttentiveKeys, clock: SteppedClock, autojump_clock: MockClock
) -> None:
    minted = await add(keys, expires_at=START + SECOND)
    async with open_key_ring(keys, clock=clock):
        await wait_all_tasks_blocked()
        assert await keys.get(minted.key.id) is not None

        clock.now = START + SECOND
        await trio.sleep(SWEEP_INTERVAL + 1)
        assert await keys.get(minted.key.id) is None
