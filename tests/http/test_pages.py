"""The routes beside the API: models, health, and the page's own files."""

import pytest

from legato.config import ModelSettings
from legato.http.page_text import ICONS
from tests.support.http.client import Client
from tests.support.http.runtime import AttentiveModel, open_client


async def test_the_models_and_which_is_asked_by_default() -> None:
    attentive = AttentiveModel()
    async with open_client(attentive) as ann:
        first = await ann.get("/api/models")
    async with open_client(attentive, default_model="attentive") as ann:
        chosen = await ann.get("/api/models")

    names = [{"name": "scripted"}, {"name": "attentive"}]
    assert first.body == {"models": names, "default": "scripted"}
    assert chosen.body == {"models": names, "default": "attentive"}


async def test_a_model_is_described_as_the_settings_say() -> None:
    table = ModelSettings(provider="scripted", description="For tests", efforts=("low", "high"))
    async with open_client(AttentiveModel(), models={"attentive": table}) as ann:
        offered = (await ann.get("/api/models")).body["models"]

    assert offered == [
        {"name": "scripted"},
        {"name": "attentive", "description": "For tests", "efforts": ["low", "high"]},
    ]


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


async def served(client: Client, name: str) -> str:
    """A page's file, with the icons, and with the version of all files."""
    text = (await client.get(f"/static/{name}")).text
    icons = (await client.get("/static/icons.svg")).text
    assert ICONS in text
    return text.replace(ICONS, icons).replace("/static/", f"/static/{client.app.static.version}/")


@pytest.mark.parametrize("path", ["/", "/c/6ba7b810-9dad-41d1-80b4-00c04fd430c8", "/c/x?y=1"])
async def test_the_page_is_the_same_for_every_conversation(nobody: Client, path: str) -> None:
    reply = await nobody.get(path)

    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/html")
    assert reply.text == await served(nobody, "index.html")


@pytest.mark.parametrize("path", ["/inspect", "/inspect/01M846XJQTHKRR16F0RWQP0099"])
async def test_the_page_of_jobs_is_the_same_for_every_job(nobody: Client, path: str) -> None:
    reply = await nobody.get(path)

    assert reply.status == 200
    assert reply.text == await served(nobody, "inspect.html")
    assert reply.headers["content-security-policy"].startswith("default-src 'self';")


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/unknown"])
async def test_only_the_pages_own_files_are_served(nobody: Client, path: str) -> None:
    reply = await nobody.get(path)

    assert (reply.status, reply.body["error"]) == (404, "Not found")


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize("path", ["/nowhere", "/c", "/c/x/y", "/static/nothing.js", "/docs/x"])
async def test_an_unknown_path_in_a_browser_is_a_page(nobody: Client, path: str) -> None:
    reply = await nobody.ask("GET", path, headers=BROWSER)

    assert (reply.status, reply.body) == (404, None)
    assert reply.headers["content-type"].startswith("text/html")
    assert "There is no page at this address." in reply.text
    assert 'href="/"' in reply.text


async def test_other_refusals_in_a_browser_are_pages_with_the_same_status_and_headers(
    nobody: Client,
) -> None:
    wrong_method = await nobody.ask("PUT", "/login", headers=BROWSER)
    foreign = await nobody.ask(
        "POST", "/login", headers={**BROWSER, "Origin": "http://evil.example"}
    )

    assert (wrong_method.status, foreign.status) == (405, 403)
    assert "POST" in wrong_method.headers["allow"]
    for reply in (wrong_method, foreign):
        assert "<h1>" in reply.text
        assert reply.headers["x-content-type-options"] == "nosniff"


async def test_a_program_and_the_api_get_json_whatever_the_path(nobody: Client) -> None:
    for path, headers in (("/nowhere", {}), ("/nowhere", {"Accept": "*/*"}), ("/api/x", BROWSER)):
        reply = await nobody.ask("GET", path, headers=headers)

        assert reply.body["error"] in ("Not found", "Unauthorized")
