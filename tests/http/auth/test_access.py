"""Access: every route of the API needs a good token, or a cookie from the page's origin."""

import time
from typing import Final

import pytest

from legato.http.auth.authenticator import SESSION_COOKIE
from legato.http.auth.tokens import sign
from legato.http.openai.paths import is_openai
from tests.support.http.client import Client, bearer

ROUTES: Final = [
    ("POST", "/api/agents/chat"),
    ("POST", "/api/agents/chat/agents"),
    ("GET", "/api/agents/chat/stream/x"),
    ("GET", "/api/agents/chat/active"),
    ("GET", "/api/agents/chat/status/x"),
    ("POST", "/api/agents/chat/abort"),
    ("GET", "/api/agents/chat/queue/x"),
    ("POST", "/api/agents/chat/queue/cancel"),
    ("POST", "/api/agents/chat/queue/front"),
    ("POST", "/api/agents/chat/queue/now"),
    ("PATCH", "/api/agents/chat/queue/x"),
    ("POST", "/api/agents/chat/steer"),
    ("POST", "/api/agents/chat/steer/cancel"),
    ("POST", "/api/agents/chat/steer/arm"),
    ("GET", "/api/agents/chat/steers/x"),
    ("POST", "/api/agents/chat/resume"),
    ("GET", "/api/jobs"),
    ("GET", "/api/jobs/x"),
    ("GET", "/api/events"),
    ("GET", "/api/messages/x"),
    ("GET", "/api/messages"),
    ("GET", "/api/search/enable"),
    ("GET", "/api/convos"),
    ("GET", "/api/convos/x"),
    ("GET", "/api/convos/gen_title/x"),
    ("POST", "/api/convos/update"),
    ("DELETE", "/api/convos"),
    ("GET", "/api/models"),
    ("GET", "/api/api-keys"),
    ("POST", "/api/api-keys"),
    ("GET", "/api/api-keys/x"),
    ("DELETE", "/api/api-keys/x"),
    ("GET", "/api/agents"),
    ("POST", "/api/agents"),
    ("GET", "/api/agents/categories"),
    ("GET", "/api/agents/tools"),
    ("GET", "/api/agents/tools/calls"),
    ("GET", "/api/agents/tools/x/auth"),
    ("POST", "/api/agents/tools/x/call"),
    ("GET", "/api/agents/actions"),
    ("POST", "/api/agents/actions/x"),
    ("DELETE", "/api/agents/actions/x/y"),
    ("GET", "/api/agents/x"),
    ("GET", "/api/agents/x/expanded"),
    ("PATCH", "/api/agents/x"),
    ("POST", "/api/agents/x/revert"),
    ("POST", "/api/agents/x/duplicate"),
    ("DELETE", "/api/agents/x"),
    ("GET", "/api/agents/x/avatar"),
    ("POST", "/api/files/images/agents/x/avatar"),
    ("GET", "/api/permissions/search-principals"),
    ("GET", "/api/permissions/agent/roles"),
    ("GET", "/api/permissions/agent/x"),
    ("GET", "/api/permissions/agent/x/effective"),
    ("PUT", "/api/permissions/agent/x"),
    ("GET", "/api/unknown"),
    ("PUT", "/api/convos"),
    ("OPTIONS", "/api/agents/chat"),
]

OTHER_SECRET = "another secret of enough characters"


async def test_the_routes_above_are_all_there_are(nobody: Client) -> None:
    rules = [rule.rule for rule in nobody.app.url_map.iter_rules()]
    ours = [rule for rule in rules if rule.startswith("/api/") and not is_openai(rule)]
    adapter = nobody.app.url_map.bind("legato")
    tried = {adapter.match(path, method, return_rule=True)[0].rule for method, path in _served()}

    assert set(ours) <= tried


def _served() -> list[tuple[str, str]]:
    """The routes above that lead anywhere."""
    nowhere = {("GET", "/api/unknown"), ("PUT", "/api/convos"), ("OPTIONS", "/api/agents/chat")}
    return [route for route in ROUTES if route not in nowhere]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_without_a_token_nobody_comes_in(nobody: Client, method: str, path: str) -> None:
    reply = await nobody.ask(method, path, {"text": "Hi"})

    assert (reply.status, reply.body["error"]) == (401, "Unauthorized")
    assert "Authorization: Bearer" in reply.body["message"]
    assert reply.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer x.y.z",
        "Basic YW5uOmFubg==",
        bearer("ann", ttl=-60)["Authorization"],
        f"Bearer {sign('ann', OTHER_SECRET, now=time.time(), ttl=60)}",
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4iLCJleHAiOjk5OTk5OTk5OTl9.",
        "Bearer \xff\xfe",
        "Bearer " + "e" * 30_000,
    ],
)
async def test_with_a_bad_token_nobody_comes_in(nobody: Client, authorization: str) -> None:
    reply = await nobody.ask("GET", "/api/models", headers={"Authorization": authorization})

    assert (reply.status, reply.body["error"]) == (401, "Unauthorized")
    assert len(reply.text) < 300


async def test_the_scheme_is_read_whatever_its_case(nobody: Client) -> None:
    token = bearer("ann")["Authorization"].removeprefix("Bearer ")
    reply = await nobody.ask("GET", "/api/models", headers={"Authorization": f"bEARER  {token} "})

    assert reply.status == 200


def cookie(nobody: Client, user: str = "ann") -> dict[str, str]:
    return {"Cookie": f"{SESSION_COOKIE}={nobody.app.authenticator.session(user)}"}


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 403),
        ("null", 403),
        ("", 403),
        ("http://evil.example", 403),
        ("http://localhost.evil.example", 403),
        ("https://localhost", 403),
        ("http://localhost:8000", 403),
        ("http://localhost", 200),
        ("http://localhost:80", 200),
        ("HTTP://LOCALHOST", 200),
    ],
)
async def test_a_cookie_alone_changes_things_only_from_the_pages_own_origin(
    nobody: Client, origin: str | None, status: int
) -> None:
    headers = cookie(nobody) | ({} if origin is None else {"Origin": origin})
    reply = await nobody.ask("POST", "/api/agents/chat", {"text": "Hi"}, headers=headers)

    assert reply.status == status
    if status == 403:
        assert reply.body["error"] == "Forbidden origin"


async def test_a_cookie_reads_whatever_the_origin(nobody: Client) -> None:
    headers = cookie(nobody) | {"Origin": "http://evil.example"}

    assert (await nobody.ask("GET", "/api/convos", headers=headers)).status == 200


async def test_a_token_changes_things_whatever_the_origin(ann: Client) -> None:
    reply = await ann.ask(
        "POST", "/api/agents/chat", {"text": "Hi"}, headers={"Origin": "http://other.example"}
    )

    assert reply.status == 200


async def test_a_bad_token_is_not_made_good_by_a_cookie(nobody: Client) -> None:
    headers = cookie(nobody) | {"Authorization": "Bearer x"}

    assert (await nobody.ask("GET", "/api/models", headers=headers)).status == 401


async def test_neither_kind_of_token_is_good_as_the_other(nobody: Client) -> None:
    session = nobody.app.authenticator.session("ann")
    token = bearer("ann")["Authorization"].removeprefix("Bearer ")
    as_bearer = {"Authorization": f"Bearer {session}"}
    as_cookie = {"Cookie": f"{SESSION_COOKIE}={token}"}

    assert (await nobody.ask("GET", "/api/models", headers=as_bearer)).status == 401
    assert (await nobody.ask("GET", "/api/models", headers=as_cookie)).status == 401
