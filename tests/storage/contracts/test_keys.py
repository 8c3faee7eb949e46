"""The promises of every implementation of ApiKeys."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from legato.storage.contracts.errors import StorageError, UnstorableText
from legato.storage.contracts.keys import ApiKey
from legato.storage.contracts.records import Records
from legato.storage.open import open_records
from tests.support.storage.turns import START

SECOND = timedelta(seconds=1)


def key(number: int = 1, user: str = "ann") -> ApiKey:
    return ApiKey(
        id=f"k{number}",
        user=user,
        name=f"key {number}",
        digest=f"{number:064x}",
        prefix="sk-01234",
        scopes=("models", "responses"),
        created_at=START + number * SECOND,
    )


async def test_a_key_comes_back_as_it_was_given(records: Records) -> None:
    plain = replace(key(1), name="e\u0301 🎼 '; DROP TABLE x; --")
    whole = replace(key(2), last_used_at=START, expires_at=START + SECOND, scopes=())
    for each in (plain, whole):
        await records.api_keys.add(each)

        assert await records.api_keys.get(each.id) == each
        assert await records.api_keys.find(each.digest) == each


async def test_of_a_key_that_was_never_added_there_is_nothing(records: Records) -> None:
    await records.api_keys.add(key(1))

    assert await records.api_keys.get("k2") is None
    assert await records.api_keys.find(key(2).digest) is None
    assert await records.api_keys.find(key(1).id) is None
    assert await records.api_keys.of_user("bob") == []


async def test_a_users_keys_are_listed_by_age(records: Records) -> None:
    for number, user in ((3, "ann"), (1, "ann"), (4, "bob"), (2, "ann")):
        await records.api_keys.add(key(number, user))

    assert await records.api_keys.of_user("ann") == [key(1), key(2), key(3)]


async def test_all_users_keys_are_listed_by_user_and_age(records: Records) -> None:
    for number, user in ((3, "ann"), (1, "bob"), (4, "Ann"), (2, "ann")):
        await records.api_keys.add(key(number, user))

    found = [(each.user, each.id) for each in await records.api_keys.every()]
    assert found == [("Ann", "k4"), ("ann", "k2"), ("ann", "k3"), ("bob", "k1")]


async def test_a_deleted_key_is_gone_once(records: Records) -> None:
    await records.api_keys.add(key(1))
    await records.api_keys.add(key(2))

    assert await records.api_keys.delete("k1")
    assert not await records.api_keys.delete("k1")
    assert await records.api_keys.find(key(1).digest) is None
    assert await records.api_keys.of_user("ann") == [key(2)]


async def test_the_last_use_only_moves_on(records: Records) -> None:
    keys = records.api_keys
    for number in (1, 2, 3):
        await keys.add(key(number))
    await keys.note_uses({"k1": START + SECOND, "k2": START, "gone": START})
    await keys.note_uses({"k1": START, "k2": START + SECOND})
    await keys.note_uses({})

    used = [each.last_used_at for each in await keys.of_user("ann")]
    assert used == [START + SECOND, START + SECOND, None]


async def test_expired_keys_are_deleted_and_no_others(records: Records) -> None:
    keys = records.api_keys
    for number, expires_at in ((1, None), (2, START - SECOND), (3, START), (4, START + SECOND)):
        await keys.add(replace(key(number), expires_at=expires_at))
    await keys.delete_expired(START)

    assert [each.id for each in await keys.of_user("ann")] == ["k1", "k4"]


async def test_half_of_a_surrogate_pair_is_refused_by_name(records: Records) -> None:
    with pytest.raises(UnstorableText, match="lone surrogate"):
        await records.api_keys.add(replace(key(), name="abc\ud83c"))

    assert await records.api_keys.of_user("ann") == []


async def test_closed_storage_refuses(records: Records) -> None:
    await records.aclose()

    with pytest.raises(StorageError, match="closed"):
        await records.api_keys.find(key().digest)
    with pytest.raises(StorageError, match="closed"):
        await records.api_keys.note_uses({"k1": START})


async def test_keys_outlive_the_process(sql_url: str) -> None:
    async with open_records(sql_url) as records:
        await records.api_keys.add(key())
    async with open_records(sql_url) as records:
        assert await records.api_keys.of_user("ann") == [key()]
