"""A login at an identity provider: there, back, and into a session."""

from typing import Any

import pytest
from msgspec.structs import replace

from legato.config import Guards, OidcSettings
from legato.http.auth.authenticator import SESSION_COOKIE
from tests.support.http.client import Client, Reply
from tests.support.http.guards import Guest
from tests.support.http.oidc import OidcProvider
from tests.support.http.oidc_login import PAGE, START, answered, come_back, leave, log_in
from tests.support.http.runtime import open_client
from tests.support.http.sessions import submit


def session_in(reply: Reply) -> dict[str, str]:
    cookie = reply.headers["set-cookie"]
    assert cookie.startswith(f"{SESSION_COOKIE}=")
    return {"Cookie": cookie.split(";")[0]}


def session_of(client: Client, user: str) -> str:
    return f"{SESSION_COOKIE}={client.app.authenticator.session(user)}"


async def user_in(client: Client, reply: Reply) -> str:
    return client.app.authenticator.in_session(session_in(reply)["Cookie"].partition("=")[2]).id


async def test_who_logs_in_at_the_provider_has_a_session(browser: Client) -> None:
    reply = await log_in(browser)

    assert (reply.status, reply.headers["location"]) == (303, "/")
    attributes = {*reply.headers["set-cookie"].split("; ")}
    assert {"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"} <= attributes
    asked = await browser.ask("GET", "/api/models", headers=session_in(reply))
    assert asked.status == 200
    assert await user_in(browser, reply) == "ann"


async def test_the_browser_is_bound_to_the_login_by_a_cookie_that_no_script_reads(
    browser: Client,
) -> None:
    reply = await browser.ask("GET", START, headers=PAGE)

    attributes = {*reply.headers["set-cookie"].split("; ")}
    assert {"HttpOnly", "SameSite=Lax", "Path=/login/oidc", "Max-Age=600"} <= attributes


async def test_what_the_provider_is_asked_for_is_different_each_time(browser: Client) -> None:
    one, two = await leave(browser), await leave(browser)

    assert one.asked("redirect_uri") == "http://localhost/login/oidc/callback"
    assert one.asked("scope") == "openid profile email"
    for name in ("state", "nonce", "code_challenge"):
        assert one.asked(name) != two.asked(name)
        assert len(one.asked(name)) == 43
    assert one.cookie.partition("=")[0] != two.cookie.partition("=")[0], "two tabs may log in"


@pytest.mark.parametrize("methods", [["client_secret_post"], ["private_key_jwt"]])
async def test_the_secret_is_sent_in_the_way_that_the_provider_takes(
    browser: Client, provider: OidcProvider, methods: list[str]
) -> None:
    provider.metadata = {"token_endpoint_auth_methods_supported": methods}

    assert (await log_in(browser)).status == 303


async def test_a_public_client_sends_no_secret(oidc: OidcSettings, provider: OidcProvider) -> None:
    provider.secret = None
    async with open_client(oidc=replace(oidc, client_secret_env=None)) as ann:
        assert (await log_in(Client(ann.app, {}))).status == 303


async def test_a_login_leads_to_the_page_that_was_wanted(browser: Client) -> None:
    place = "/c/6ba7b810-9dad-41d1-80b4-00c04fd430c8"

    assert (await log_in(browser, next=place)).headers["location"] == place


NOWHERE = [
    "https://evil.example/",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/%2fevil.example",
    "///evil.example",
    "/c//evil.example",
    "/../evil",
    "javascript:alert(1)",
    "/c/x?token=y",
    "/c/x#y",
    "/c/x\r\nSet-Cookie: y=z",
    "/c/" + "x" * 200,
    "",
]


@pytest.mark.parametrize("place", NOWHERE)
async def test_a_login_leads_nowhere_else(browser: Client, place: str) -> None:
    assert (await log_in(browser, next=place)).headers["location"] == "/"
    by_token = await submit(browser, token=browser.app.logins.issue("ann", 2.0**40), next=place)
    assert by_token.headers["location"] == "/"


async def test_below_a_path_the_login_stays_below(oidc: OidcSettings) -> None:
    async with open_client(oidc=oidc, base_path="/llm") as ann:
        browser = Client(ann.app, {})
        way = await leave(browser, next="/llm/c/x")
        reply = await come_back(browser, way, await answered(way))
        elsewhere = await log_in(browser, next="/c/x")

    assert way.asked("redirect_uri") == "http://localhost/llm/login/oidc/callback"
    assert reply.headers["location"] == "/llm/c/x"
    assert elsewhere.headers["location"] == "/llm/"


async def test_behind_a_proxy_the_provider_leads_back_to_the_proxy(oidc: OidcSettings) -> None:
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "chat.example.com", **PAGE}
    headers["X-Forwarded-For"] = "192.0.2.1"
    async with open_client(oidc=oidc, guards=Guards(trusted_proxies=("127.0.0.1",))) as ann:
        reply = await Guest(ann.app, {}, "127.0.0.1").ask("GET", START, headers=headers)

    assert "https%3A%2F%2Fchat.example.com%2Flogin%2Foidc%2Fcallback" in reply.headers["location"]
    assert "Secure" in reply.headers["set-cookie"].split("; ")


async def test_another_process_takes_the_browser_back(oidc: OidcSettings) -> None:
    async with open_client(oidc=oidc) as here, open_client(oidc=oidc) as there:
        way = await leave(Client(here.app, {}))
        reply = await come_back(Client(there.app, {}), way, await answered(way))

    assert (reply.status, reply.headers["location"]) == (303, "/")


async def test_a_session_of_another_user_is_replaced_after_a_question(browser: Client) -> None:
    way = await leave(browser)
    bob = session_of(browser, "bob")
    asked = await come_back(browser, way, await answered(way), Cookie=bob)
    token = asked.text.partition('name="token" value="')[2].partition('"')[0]
    unsure = await submit(browser, {"Cookie": bob}, place=START, token=token, instead_of="carl")
    sure = await submit(browser, {"Cookie": bob}, place=START, token=token, instead_of="bob")

    assert (asked.status, SESSION_COOKIE in asked.headers["set-cookie"]) == (200, False)
    assert "You are logged in as bob. Do you want to be ann instead?" in asked.text
    assert (unsure.status, "set-cookie" in unsure.headers) == (409, False)
    assert (sure.status, await user_in(browser, sure)) == (303, "ann")


async def test_a_consent_that_the_server_did_not_ask_for_logs_nobody_in(browser: Client) -> None:
    for token in ("", "x", session_of(browser, "eve").partition("=")[2], "a.b.c"):
        reply = await submit(browser, place=START, token=token)

        assert (reply.status, "set-cookie" in reply.headers) == (401, False)


async def test_a_consent_to_a_question_from_before_a_revocation_logs_nobody_in(
    browser: Client,
) -> None:
    token = browser.app.flows.confirmation("ann")
    runtime = browser.app.runtime
    assert runtime is not None
    await runtime.records.revocations.revoke_user("ann")
    await runtime.revoked.read()
    reply = await submit(browser, place=START, token=token)

    assert (reply.status, "set-cookie" in reply.headers) == (401, False)
    assert "was revoked; log in again" in reply.text


async def test_a_consent_from_another_site_logs_nobody_in(browser: Client) -> None:
    token = browser.app.flows.confirmation("eve")
    evil = {"Origin": "http://evil.example"}

    assert (await submit(browser, evil, place=START, token=token)).status == 403


async def test_another_sites_page_begins_no_login(browser: Client) -> None:
    for site in ("cross-site", "same-site"):
        reply = await browser.ask("GET", START, headers={**PAGE, "Sec-Fetch-Site": site})

        assert (reply.status, "set-cookie" in reply.headers) == (200, False)
        assert "Another page led you here" in reply.text


async def test_a_browser_that_comes_from_the_provider_asks_once_more_from_our_page(
    browser: Client, provider: OidcProvider
) -> None:
    way = await leave(browser)
    path = await answered(way)
    first = await come_back(browser, way, path, **{"Sec-Fetch-Site": "cross-site"})
    again = first.text.partition("0; url=")[2].partition('"')[0].replace("&amp;", "&")

    assert (first.status, "set-cookie" in first.headers) == (200, False)
    assert "/token" not in provider.asked
    second = await come_back(browser, way, again, **{"Sec-Fetch-Site": "cross-site"})
    assert (second.status, await user_in(browser, second)) == (303, "ann")


async def test_the_pages_show_the_button_only_where_there_is_a_provider(
    browser: Client, ann: Client
) -> None:
    with_button = "/login/oidc?next=%2Fc%2Fx"
    for client, is_there in ((browser, True), (ann, False)):
        refused = await client.ask("GET", "/login?next=/c/x", headers=PAGE)
        page = await client.ask("GET", "/c/x", headers=PAGE)

        assert (with_button in refused.text) is is_there
        assert ("Log in with Example" in page.text) is is_there
        assert ('id="login-elsewhere" hidden' in page.text) is not is_there


@pytest.mark.parametrize(
    ("method", "path"), [("GET", START), ("POST", START), ("GET", f"{START}/callback")]
)
async def test_without_a_provider_there_are_no_such_routes(
    nobody: Client, method: str, path: str
) -> None:
    assert (await nobody.ask(method, path)).status == 404


async def test_a_head_begins_nothing(browser: Client) -> None:
    reply = await browser.ask("HEAD", START, headers=PAGE)

    assert (reply.status, "set-cookie" in reply.headers) == (200, False)


@pytest.mark.parametrize(
    ("settings", "claims", "user"),
    [
        ({"user_claim": "preferred_username"}, {"preferred_username": "Ann Ä"}, "Ann Ä"),
        ({"user_claim": "email"}, {"email": "a@b.example", "email_verified": True}, "a@b.example"),
        (
            {"allowed_domains": ("b.example",)},
            {"email": "a@B.example", "email_verified": True},
            "ann",
        ),
        ({"allowed_groups": ("staff", "x")}, {"groups": ["guests", "staff"]}, "ann"),
        ({"allowed_groups": ("staff",), "groups_claim": "role"}, {"role": "staff"}, "ann"),
    ],
)
async def test_who_is_let_in_and_under_which_name(
    oidc: OidcSettings,
    provider: OidcProvider,
    settings: dict[str, Any],
    claims: dict[str, Any],
    user: str,
) -> None:
    provider.claims = claims
    async with open_client(oidc=replace(oidc, **settings)) as ann:
        assert await user_in(ann, await log_in(Client(ann.app, {}))) == user
