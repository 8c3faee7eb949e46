"""Access to OpenAI's APIs: by keys of the right scope, and for people by tokens."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trio

from legato.http.application import Legato
from legato.http.auth.access import scope_of
from legato.http.auth.api_keys import SCOPES, mint
from legato.http.auth.authenticator import SESSION_COOKIE
from legato.http.auth.key_ring import LIFE
from legato.http.openai.paths import OPENAI_PATHS
from legato.storage.contracts.keys import Scope
from tests.support.http.client import Client, Reply

HOUR = timedelta(hours=1)


async def key_of(app: Legato, *scopes: Scope, expires_at: datetime | None = None) -> str:
    """The `Authorization` header with a new key of Ann's."""
    now = datetime.now(UTC)
    minted = mint("ann", "test", now=now, expires_at=expires_at, scopes=scopes or SCOPES)
    assert app.runtime is not None
    await app.runtime.records.api_keys.add(minted.key)
    return f"Bearer {minted.secret}"


def refusal(reply: Reply) -> tuple[int, Any, Any]:
    assert set(reply.body) == {"error"}
    assert set(reply.body["error"]) == {"message", "type", "param", "code"}
    return reply.status, reply.body["error"]["type"], reply.body["error"]["code"]


def routes(app: Legato) -> Iterator[tuple[str, str]]:
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(OPENAI_PATHS):
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield method, re.sub("<[^>]+>", "x", rule.rule)


async def test_every_route_wants_a_key_and_belongs_to_a_scope(nobody: Client) -> None:
    found = [*routes(nobody.app)]
    for method, path in found:
        reply = await nobody.ask(method, path, {})

        assert refusal(reply) == (401, "invalid_request_error", "missing_api_key"), path
        assert reply.headers["www-authenticate"] == "Bearer"
        assert scope_of(path) is not None, path
    assert len(found) >= 4


async def test_every_route_refuses_a_key_without_its_scope(nobody: Client) -> None:
    for method, path in routes(nobody.app):
        others = [scope for scope in SCOPES if scope != scope_of(path)]
        key = await key_of(nobody.app, *others)
        reply = await nobody.ask(method, path, {}, headers={"Authorization": key})

        assert refusal(reply) == (403, "permission_error", "insufficient_scope"), path
        assert f"the scope {scope_of(path)}" in reply.body["error"]["message"]
        assert ", ".join(others) in reply.body["error"]["message"]


@pytest.mark.parametrize("prefix", OPENAI_PATHS)
async def test_a_key_a_token_and_a_cookie_come_in(ann: Client, nobody: Client, prefix: str) -> None:
    key = await key_of(nobody.app, "models")
    cookie = f"{SESSION_COOKIE}={nobody.app.authenticator.session('ann')}"

    assert (await nobody.get(f"{prefix}models", Authorization=key)).status == 200
    assert (await nobody.get(f"{prefix}models", Authorization=key.upper())).status == 401
    assert (await nobody.get(f"{prefix}models", Cookie=cookie)).status == 200
    assert (await ann.get(f"{prefix}models")).status == 200


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("", "missing_api_key"),
        ("Bearer", "missing_api_key"),
        ("Bearer ", "missing_api_key"),
        ("Basic YW5uOmFubg==", "missing_api_key"),
        ("Bearer x", "invalid_api_key"),
        ("Bearer x.y.z", "invalid_api_key"),
        ("Bearer sk-", "invalid_api_key"),
        ("Bearer sk-" + "0" * 64, "invalid_api_key"),
        ("Bearer sk-" + "0" * 30_000, "invalid_api_key"),
        ("Bearer sk-\xff\xfe", "invalid_api_key"),
    ],
)
async def test_without_a_good_key_nobody_comes_in(
    nobody: Client, authorization: str, code: str
) -> None:
    reply = await nobody.get("/v1/models", Authorization=authorization)

    assert refusal(reply) == (401, "invalid_request_error", code)
    assert len(reply.text) < 300


@pytest.mark.parametrize("path", ["/api/models", "/api/api-keys", "/api/agents/chat/active"])
async def test_elsewhere_a_key_is_refused_with_where_it_is_good(nobody: Client, path: str) -> None:
    reply = await nobody.get(path, Authorization=await key_of(nobody.app))

    assert (reply.status, reply.body["error"]) == (401, "Unauthorized")
    assert "/v1/" in reply.body["message"]


async def test_a_key_is_no_login_link(nobody: Client) -> None:
    secret = (await key_of(nobody.app)).removeprefix("Bearer ")
    reply = await nobody.get(f"/login?token={secret}", Accept="application/json")

    assert reply.status == 401
    assert "set-cookie" not in reply.headers


async def test_an_expired_key_is_refused_as_such(nobody: Client) -> None:
    key = await key_of(nobody.app, expires_at=datetime.now(UTC) - HOUR)
    reply = await nobody.get("/v1/models", Authorization=key)

    assert refusal(reply) == (401, "invalid_request_error", "invalid_api_key")
    assert "expired" in reply.body["error"]["message"]


async def test_a_key_that_another_process_deleted_is_refused_soon(
    nobody: Client, autojump_clock: trio.testing.MockClock
) -> None:
    key = await key_of(nobody.app)
    assert nobody.app.runtime is not None
    keys = nobody.app.runtime.records.api_keys
    assert (await nobody.get("/v1/models", Authorization=key)).status == 200

    [stored] = await keys.of_user("ann")
    await keys.delete(stored.id)
    assert (await nobody.get("/v1/models", Authorization=key)).status == 200
    await trio.sleep(LIFE)
    assert (await nobody.get("/v1/models", Authorization=key)).status == 401


async def test_a_path_that_is_not_there_is_a_404_for_whoever_may_come_in(nobody: Client) -> None:
    key = await key_of(nobody.app, "models")

    assert (await nobody.get("/v1/unknown", Authorization=key)).status == 404
