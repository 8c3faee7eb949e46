"""What is beside the API: models, health, the login, and the page's own files."""

from time import monotonic

import pytest

from legato.http.auth import SESSION_COOKIE
from legato.http.logins import LOGIN_SECONDS
from tests.http.client import Client, bearer
from tests.http.house import AttentiveModel, open_client


async def test_the_models_and_which_is_asked_by_default() -> None:
    attentive = AttentiveModel()
    async with open_client(attentive) as ann:
        first = await ann.get("/api/models")
    async with open_client(attentive, default_model="attentive") as ann:
        chosen = await ann.get("/api/models")

    names = [{"name": "scripted"}, {"name": "attentive"}]
    assert first.body == {"models": names, "default": "scripted"}
    assert chosen.body == {"models": names, "default": "attentive"}


async def test_health_needs_no_token(nobody: Client) -> None:
    health = await nobody.get("/healthz")
    readiness = await nobody.get("/readyz")

    assert (health.status, health.body) == (200, {"status": "ok"})
    assert (readiness.status, readiness.body) == (200, {"status": "ready"})


async def test_without_its_storage_it_is_alive_but_not_ready(ann: Client) -> None:
    assert ann.app.runtime is not None
    await ann.app.runtime.records.aclose()
    readiness = await ann.get("/readyz")
    health = await ann.get("/healthz")

    assert (readiness.status, readiness.body["error"]) == (503, "Storage unavailable")
    assert int(readiness.headers["retry-after"]) > 0
    assert health.status == 200


@pytest.mark.parametrize(
    "path", ["/api/convos", "/api/convos/x", "/api/messages/x", "/api/convos/gen_title/x"]
)
async def test_without_its_storage_it_says_so(ann: Client, path: str) -> None:
    assert ann.app.runtime is not None
    await ann.app.runtime.records.aclose()
    started = await ann.try_start()
    read = await ann.get(path)

    assert (started.status, started.body["error"]) == (503, "Storage unavailable")
    assert (read.status, read.body["error"]) == (503, "Storage unavailable")


async def test_a_login_link_is_good_once(nobody: Client) -> None:
    token = nobody.app.logins.issue("ann", monotonic())
    first = await nobody.get(f"/login?token={token}")
    cookie = first.headers["set-cookie"]
    again = await nobody.get(f"/login?token={token}")
    models = await nobody.ask("GET", "/api/models", headers={"Cookie": cookie.split(";")[0]})

    assert (first.status, first.headers["location"]) == (302, "/")
    assert cookie.startswith(f"{SESSION_COOKIE}=")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert (again.status, again.body["error"]) == (401, "Unauthorized")
    assert "set-cookie" not in again.headers
    assert models.status == 200


async def test_a_browser_with_a_bad_login_link_gets_the_page_that_asks_again(
    nobody: Client,
) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    reply = await nobody.ask("GET", "/login?token=old", headers=browser)

    assert reply.status == 401
    assert reply.headers["content-type"].startswith("text/html")


async def test_looking_a_login_link_up_does_not_use_it_up(nobody: Client) -> None:
    token = nobody.app.logins.issue("ann", monotonic())
    await nobody.ask("HEAD", f"/login?token={token}")

    assert (await nobody.get(f"/login?token={token}")).status == 302


async def test_a_jwt_logs_in_too(nobody: Client) -> None:
    token = bearer("ann")["Authorization"].removeprefix("Bearer ")
    reply = await nobody.get(f"/login?token={token}")

    assert reply.status == 302
    assert "legato_session=" in reply.headers["set-cookie"]


async def test_whoever_is_logged_in_already_may_use_an_old_link(nobody: Client) -> None:
    cookie = f"legato_session={nobody.app.authenticator.session('ann')}"
    reply = await nobody.ask("GET", "/login?token=old", headers={"Cookie": cookie})

    assert (reply.status, reply.headers["location"]) == (302, "/")


@pytest.mark.parametrize("query", ["", "?token=", "?token=x", "?token=%00", "?token=%ff", "?x=1"])
async def test_a_login_link_that_is_none_leads_nowhere(nobody: Client, query: str) -> None:
    nobody.app.logins.issue("ann", monotonic())
    reply = await nobody.get(f"/login{query}")

    assert (reply.status, reply.body["error"]) == (401, "Unauthorized")
    assert "set-cookie" not in reply.headers


async def test_a_login_link_is_good_for_ten_minutes(nobody: Client) -> None:
    token = nobody.app.logins.issue("ann", monotonic() - LOGIN_SECONDS)

    assert (await nobody.get(f"/login?token={token}")).status == 401


@pytest.mark.parametrize("path", ["/", "/c/6ba7b810-9dad-41d1-80b4-00c04fd430c8", "/c/x?y=1"])
async def test_the_page_is_the_same_for_every_conversation(nobody: Client, path: str) -> None:
    reply = await nobody.get(path)

    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/html")
    assert reply.text == (await nobody.get("/static/index.html")).text


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/unknown"])
async def test_only_the_pages_own_files_are_served(nobody: Client, path: str) -> None:
    reply = await nobody.get(path)

    assert (reply.status, reply.body["error"]) == (404, "Not found")
