"""Logins that go wrong: each ends as a page with a reason, without a session."""

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from msgspec.structs import replace

from legato.config import Guards, OidcSettings
from legato.http.auth.authenticator import SESSION_COOKIE
from legato.http.auth.oidc.flows import Flows
from tests.support.http.client import SECRET, Client, Reply
from tests.support.http.oidc import (
    OidcProvider,
    signed_by_a_stranger,
    signed_with_the_clients_secret,
    unsigned,
)
from tests.support.http.oidc_login import (
    START,
    Way,
    answered,
    come_back,
    leave,
    log_in,
)
from tests.support.http.runtime import open_client

CALLBACK = f"{START}/callback"
LATER, EARLIER = time.time() + 3600, time.time() - 3600


def assert_refused(reply: Reply, status: int, said: str) -> None:
    assert (reply.status, f"{SESSION_COOKIE}=" in str(reply.headers)) == (status, False)
    assert "<h1>" in reply.text, "a page"
    assert said in reply.text
    assert "Log in with Example" in reply.text
    assert "Traceback" not in reply.text


@pytest.mark.parametrize(
    ("claims", "status", "said"),
    [
        ({"nonce": "another"}, 502, "belongs to another login (`nonce`)"),
        ({"nonce": None}, 502, "belongs to another login (`nonce`)"),
        ({"iss": "https://evil.example"}, 502, "by another issuer (`iss`)"),
        ({"aud": "another"}, 502, "for another application (`aud`)"),
        ({"aud": ["another"]}, 502, "for another application (`aud`)"),
        ({"aud": ["legato", "another"]}, 502, "to another application (`azp`)"),
        ({"azp": "another"}, 502, "to another application (`azp`)"),
        ({"at_hash": "AAAA"}, 502, "to another access token (`at_hash`)"),
        ({"exp": EARLIER}, 401, "had expired when it came"),
        ({"iat": LATER, "exp": LATER + 60}, 502, "in the future: the clocks"),
        ({"exp": None}, 502, "claims cannot be used: Object missing required field `exp`"),
        ({"exp": True}, 502, "claims cannot be used"),
        ({"sub": None}, 502, "claims cannot be used: Object missing required field `sub`"),
        ({"sub": "a\nb"}, 502, "names no user: its claim `sub`"),
        ({"sub": "x" * 129}, 502, "names no user: its claim `sub`"),
    ],
)
async def test_an_id_token_that_is_not_for_this_login_is_refused(
    browser: Client, provider: OidcProvider, claims: dict[str, Any], status: int, said: str
) -> None:
    provider.claims = claims

    assert_refused(await log_in(browser), status, said)


async def test_several_audiences_are_good_where_the_token_was_issued_to_this_server(
    browser: Client, provider: OidcProvider
) -> None:
    provider.claims = {"aud": ["legato", "another"], "azp": "legato", "at_hash": None}

    assert (await log_in(browser)).status == 303


@pytest.mark.parametrize(
    ("sign", "said"),
    [
        (unsigned, "its algorithm is not accepted; here: RS256, ES256"),
        (signed_with_the_clients_secret, "its algorithm is not accepted; here: RS256, ES256"),
        (signed_by_a_stranger, "signature is not good here"),
        (lambda _: "x", "not a signed JWT"),
        (lambda _: "", "not a signed JWT"),
    ],
)
async def test_an_id_token_that_the_provider_did_not_sign_is_refused(
    browser: Client, provider: OidcProvider, sign: Callable[[Mapping[str, Any]], str], said: str
) -> None:
    provider.sign = sign

    assert_refused(await log_in(browser), 502, said)


async def test_a_code_is_good_once(browser: Client) -> None:
    way = await leave(browser)
    path = await answered(way)
    await come_back(browser, way, path)

    assert_refused(await come_back(browser, way, path), 401, "used already, or took too long")


async def test_a_login_is_good_in_its_own_browser_only(browser: Client) -> None:
    way, other = await leave(browser), await leave(browser)
    path = await answered(way)
    for cookie in ("", other.cookie, way.cookie + "x", way.cookie.partition(".")[0]):
        reply = await come_back(browser, Way(way.at, cookie), path)

        assert_refused(reply, 401, "not begun in this browser")
    renamed = f"{way.cookie.partition('=')[0]}={other.cookie.partition('=')[2]}"
    assert_refused(await come_back(browser, Way(way.at, renamed), path), 401, "not begun in this")


async def test_a_code_of_another_login_is_refused(browser: Client) -> None:
    mine, stolen = await leave(browser), await leave(browser)
    code = (await answered(stolen)).partition("code=")[2].partition("&")[0]
    state, iss = mine.asked("state"), (await answered(mine)).partition("iss=")[2].partition("&")[0]
    reply = await come_back(browser, mine, f"{CALLBACK}?state={state}&code={code}&iss={iss}")

    assert_refused(reply, 401, "used already, or took too long")


async def test_a_login_takes_ten_minutes_at_most(browser: Client) -> None:
    browser.app.flows = Flows(SECRET, clock=lambda: time.time() - 601)
    late = await leave(browser)
    browser.app.flows = Flows(SECRET, clock=lambda: time.time() - 590)
    early = await leave(browser)

    assert_refused(await come_back(browser, late, await answered(late)), 401, "ten minutes")
    assert (await come_back(browser, early, await answered(early))).status == 303


@pytest.mark.parametrize("state", ["", "x", "é", "x" * 43, "." * 43, "x" * 5000])
async def test_a_state_that_nobody_gave_is_refused(browser: Client, state: str) -> None:
    way = await leave(browser)
    path = f"{CALLBACK}?{urlencode({'code': 'x', 'state': state})}"

    assert_refused(await come_back(browser, way, path), 401, "not begun in this browser")


@pytest.mark.parametrize("iss", ["https://evil.example", None])
async def test_an_answer_of_another_provider_is_refused(
    browser: Client, provider: OidcProvider, iss: str | None
) -> None:
    provider.answer = {"iss": iss}

    assert_refused(await log_in(browser), 502, "from another login provider (`iss`)")
    assert "/token" not in provider.asked


async def test_a_provider_that_promises_no_issuer_may_leave_it_out(
    browser: Client, provider: OidcProvider
) -> None:
    provider.metadata = {"authorization_response_iss_parameter_supported": False}
    provider.answer = {"iss": None}

    assert (await log_in(browser)).status == 303


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        ("access_denied", 403, "the login was declined"),
        ("temporarily_unavailable", 503, "cannot be asked at the moment"),
        ("invalid_scope", 502, "the answer was a refusal (invalid_scope)"),
        ("<script>alert(1)</script>", 502, "the answer was a refusal."),
        ("Call 555 now", 502, "the answer was a refusal."),
        (None, 502, "neither a code nor an error"),
    ],
)
async def test_a_refusal_by_the_provider_is_told_in_words(
    browser: Client, provider: OidcProvider, error: str | None, status: int, said: str
) -> None:
    provider.answer = {"error": error, "code": None, "error_description": "Call 555 now"}
    reply = await log_in(browser)

    assert_refused(reply, status, said)
    assert "555" not in reply.text


@pytest.mark.parametrize(
    ("token_reply", "status", "said"),
    [
        ((500, b""), 503, "Example cannot be asked at the moment. Try again"),
        ((401, b'{"error": "invalid_client"}'), 502, "an operator has to compare `client_id`"),
        ((400, b'{"error": "<b>"}'), 502, "answered with status 400."),
        ((400, b"["), 502, "answered with status 400."),
        ((302, b""), 502, "answered with status 302."),
        ((200, b"<html>"), 502, "answered with something else"),
        ((200, b"{}"), 502, "missing required field `id_token`"),
        ((200, b'{"id_token": 1}'), 502, "answered with something else"),
        ((200, b" " * (1024 * 1024 + 1)), 503, "cannot be asked at the moment"),
    ],
)
async def test_a_token_endpoint_that_does_not_do_its_part(
    browser: Client,
    provider: OidcProvider,
    token_reply: tuple[int, bytes],
    status: int,
    said: str,
) -> None:
    provider.token_reply = token_reply

    assert_refused(await log_in(browser), status, said)


async def test_while_the_provider_is_away_a_page_says_so(
    browser: Client, provider: OidcProvider
) -> None:
    provider.is_down = True
    reply = await browser.ask("GET", START, headers={"Accept": "text/html"})
    as_json = await browser.ask("GET", START)

    assert_refused(reply, 503, "Example cannot be asked at the moment. Try again in a moment.")
    assert (as_json.status, as_json.body["error"]) == (503, "The login is not available")


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://another.example"},
        {"token_endpoint": "ftp://x/"},
        {"jwks_uri": None},
    ],
)
async def test_a_provider_that_is_another_is_not_asked(
    browser: Client, provider: OidcProvider, document: dict[str, Any]
) -> None:
    provider.metadata = document

    assert_refused(await browser.ask("GET", START, headers={"Accept": "text/html"}), 503, "Example")


@pytest.mark.parametrize(
    ("settings", "claims", "said"),
    [
        ({"user_claim": "email"}, {"email": "ann@b.example"}, "address was verified"),
        (
            {"user_claim": "email"},
            {"email": "ann@b.example", "email_verified": "true"},
            "address was verified",
        ),
        ({"user_claim": "groups"}, {"groups": ["x"]}, "names no user: its claim `groups`"),
        (
            {"allowed_domains": ("b.example",)},
            {"email": "ann@b.example", "email_verified": False},
            "address was verified",
        ),
        (
            {"allowed_domains": ("b.example", "c.example")},
            {"email": "ann@sub.b.example", "email_verified": True},
            "only people with an address at b.example or c.example may log in here",
        ),
        ({"allowed_groups": ("staff",)}, {}, "only members of staff may log in here"),
        ({"allowed_groups": ("staff",)}, {"groups": "staffers"}, "only members of staff"),
        ({"allowed_groups": ("staff",)}, {"groups": [{"x": 1}, 2]}, "only members of staff"),
    ],
)
async def test_who_is_not_let_in_reads_why(
    oidc: OidcSettings,
    provider: OidcProvider,
    settings: dict[str, Any],
    claims: dict[str, Any],
    said: str,
) -> None:
    provider.claims = claims
    async with open_client(oidc=replace(oidc, **settings)) as ann:
        reply = await log_in(Client(ann.app, {}))

    assert_refused(reply, 502 if "names no user" in said else 403, said)


async def test_tries_are_counted_before_the_provider_is_asked_again(
    oidc: OidcSettings, provider: OidcProvider
) -> None:
    guards = Guards(failures_per_ip="2/minute")
    async with open_client(oidc=oidc, guards=guards) as ann:
        browser = Client(ann.app, {})
        replies = [await come_back(browser, Way("", ""), CALLBACK) for _ in range(3)]

    assert [reply.status for reply in replies] == [401, 401, 429]
