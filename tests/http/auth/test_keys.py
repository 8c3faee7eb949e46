"""The routes of API keys: the owner sees a key's fields, and the secret only once."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from legato.http.auth.api_keys import SCOPES
from tests.support.http.client import Client
from tests.support.http.runtime import open_client

PATH = "/api/api-keys"


async def create(client: Client, **fields: object) -> dict[str, Any]:
    reply = await client.post(PATH, {"name": "laptop"} | fields)

    assert reply.status == 201, reply.text
    return dict(reply.body)


async def test_a_new_key_is_shown_once(ann: Client) -> None:
    made = await create(ann)
    key = made.pop("key")

    assert re.fullmatch("sk-[0-9a-f]{64}", key)
    assert made == {
        "id": made["id"],
        "name": "laptop",
        "keyPrefix": key[:8],
        "scopes": [*SCOPES],
        "createdAt": made["createdAt"],
        "lastUsedAt": None,
        "expiresAt": None,
    }
    assert abs(datetime.fromisoformat(made["createdAt"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert (await ann.get(f"{PATH}/{made['id']}")).body == made
    assert (await ann.get(PATH)).body == {"keys": [made]}


async def test_storage_never_has_the_key(ann: Client) -> None:
    made = await create(ann)
    assert ann.app.runtime is not None
    [stored] = await ann.app.runtime.records.api_keys.of_user("ann")

    assert made["key"] not in str(stored)
    assert len(stored.digest) == 64


async def test_keys_are_listed_the_oldest_first_and_only_ones_own(ann: Client, bob: Client) -> None:
    for client, name in ((ann, "first"), (bob, "other"), (ann, "second")):
        await create(client, name=name)

    listed = (await ann.get(PATH)).body["keys"]
    assert [key["name"] for key in listed] == ["first", "second"]


async def test_of_anothers_key_there_is_no_trace(ann: Client, bob: Client) -> None:
    path = f"{PATH}/{(await create(ann))['id']}"
    for method in ("GET", "DELETE"):
        theirs = await bob.ask(method, path)
        unknown = await bob.ask(method, f"{PATH}/unknown")

        assert (theirs.status, theirs.body) == (404, unknown.body)
    assert (await ann.get(path)).status == 200


async def test_a_deleted_key_is_refused_at_once(ann: Client, nobody: Client) -> None:
    made = await create(ann)
    key = f"Bearer {made['key']}"
    assert (await nobody.get("/v1/models", Authorization=key)).status == 200
    deleted = await ann.ask("DELETE", f"{PATH}/{made['id']}")

    assert (deleted.status, deleted.text) == (204, "")
    assert not {"content-type", "content-length"} & {*deleted.headers}
    assert (await nobody.get("/v1/models", Authorization=key)).status == 401
    assert (await ann.get(f"{PATH}/{made['id']}")).status == 404


async def test_the_use_of_a_key_is_shown(ann: Client, nobody: Client) -> None:
    made = await create(ann)
    await nobody.get("/v1/models", Authorization=f"Bearer {made['key']}")

    shown = (await ann.get(f"{PATH}/{made['id']}")).body
    assert shown["lastUsedAt"] >= made["createdAt"]


async def test_scopes_and_expiry_are_as_they_were_asked_for(ann: Client) -> None:
    expiry = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    asked = expiry.astimezone().isoformat()
    made = await create(ann, scopes=["responses", "models", "models"], expiresAt=asked)

    assert made["scopes"] == ["models", "responses"]
    assert made["expiresAt"] == expiry.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("fields", "param", "said"),
    [
        ({}, "body", "missing required field `name`"),
        ({"name": ""}, "name", "length >= 1"),
        ({"name": " "}, "name", "1 to 100 printable"),
        ({"name": "a\nb"}, "name", "1 to 100 printable"),
        ({"name": "a\0b"}, "name", "1 to 100 printable"),
        ({"name": "a" * 101}, "name", "length <= 100"),
        ({"name": None}, "name", "Expected `str`"),
        ({"name": "a", "expiresAt": "tomorrow"}, "expiresAt", "Invalid RFC3339"),
        ({"name": "a", "expiresAt": "2999-01-01T00:00:00"}, "expiresAt", "timezone"),
        ({"name": "a", "expiresAt": "2020-01-01T00:00:00Z"}, "expiresAt", "a time to come"),
        ({"name": "a", "expiresAt": "9999-12-31T23:59:59-14:00"}, "expiresAt", "ten years"),
        ({"name": "a", "expiresAt": "0001-01-01T00:00:00+14:00"}, "expiresAt", "a time to come"),
        ({"name": "a", "expiresAt": 1}, "expiresAt", "Expected `datetime | null`"),
        ({"name": "a", "scopes": []}, "scopes", "length >= 1"),
        ({"name": "a", "scopes": ["all"]}, "scopes[0]", "Invalid enum value 'all'"),
        ({"name": "a", "scopes": "models"}, "scopes", "Expected `array | null`"),
    ],
)
async def test_a_wrong_field_is_named(
    ann: Client, fields: dict[str, object], param: str, said: str
) -> None:
    reply = await ann.post(PATH, fields)

    assert (reply.status, reply.body["param"]) == (400, param)
    assert said in reply.body["message"]
    assert (await ann.get(PATH)).body == {"keys": []}


async def test_half_of_a_surrogate_pair_is_no_name(ann: Client) -> None:
    reply = await ann.ask("POST", PATH, data=b'{"name": "\\ud800"}')

    assert reply.status == 400


async def test_a_user_has_only_so_many_keys(
    ann: Client, bob: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("legato.http.auth.keys.MAX_KEYS", 2)
    made = [await create(ann) for _ in range(2)]
    refused = await ann.post(PATH, {"name": "one too many"})

    assert (refused.status, refused.body["error"]) == (409, "Too many API keys")
    assert "2" in refused.body["message"]
    assert await create(bob)
    await ann.ask("DELETE", f"{PATH}/{made[0]['id']}")
    assert await create(ann)


async def test_a_key_lasts_as_long_as_is_configured_where_nothing_else_is_asked() -> None:
    later = (datetime.now(UTC) + timedelta(days=9)).replace(microsecond=0)
    async with open_client(api_key_lifetime=3600.0) as ann:
        first, second = await create(ann), await create(ann, expiresAt=later.isoformat())

    made = datetime.fromisoformat(first["createdAt"])
    assert datetime.fromisoformat(first["expiresAt"]) == made + timedelta(hours=1)
    assert datetime.fromisoformat(second["expiresAt"]) == later
