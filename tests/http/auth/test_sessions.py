"""The page's sessions: the beginning, the question before a login, and the end."""

import time
from collections.abc import Mapping
from time import monotonic
from urllib.parse import urlencode

import pytest
import trio
from trio.testing import MockClock

from legato.http.auth.authenticator import SESSION_COOKIE, SESSION_SECONDS
from legato.http.auth.logins import LOGIN_SECONDS
from legato.http.auth.revoked import REFRESH
from legato.http.auth.tokens import sign
from tests.support.http.client import Client, Reply, bearer
from tests.support.http.replicas import two_replicas
from tests.support.http.sessions import HOME, submit

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def jwt_of(user: str, ttl: float = 3600) -> str:
    return bearer(user, ttl=ttl)["Authorization"].removeprefix("Bearer ")


def session_of(client: Client, user: str) -> dict[str, str]:
    return {"Cookie": f"{SESSION_COOKIE}={client.app.authenticator.session(user)}"}


def cookie_in(reply: Reply) -> dict[str, str]:
    return {"Cookie": reply.headers["set-cookie"].split(";")[0]}


def nobody_at(client: Client) -> Client:
    """A client of the same application without a token."""
    return Client(client.app, {})


async def is_let_in(client: Client, cookie: Mapping[str, str]) -> bool:
    return (await nobody_at(client).ask("GET", "/api/models", headers=cookie)).status == 200


async def test_a_login_link_is_good_once(nobody: Client) -> None:
    token = nobody.app.logins.issue("ann", monotonic())
    first = await nobody.get(f"/login?token={token}")
    cookie = first.headers["set-cookie"]
    again = await nobody.get(f"/login?token={token}")

    assert (first.status, first.headers["location"]) == (303, "/")
    assert cookie.startswith(f"{SESSION_COOKIE}=")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert (again.status, again.body["error"]) == (401, "Unauthorized")
    assert again.body["message"] == "This login link was used already: it works once."
    assert "set-cookie" not in again.headers
    assert await is_let_in(nobody, cookie_in(first))


async def test_a_form_takes_a_login_token_or_a_jwt_out_of_the_address(nobody: Client) -> None:
    one_time = nobody.app.logins.issue("ann", monotonic())
    for token in (one_time, jwt_of("ann")):
        reply = await submit(nobody, token=token)

        assert (reply.status, reply.headers["location"]) == (303, "/")
        assert await is_let_in(nobody, cookie_in(reply))
    used = await submit(nobody, token=one_time)
    assert (used.status, "set-cookie" in used.headers) == (401, False)


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("", "To log in, open a login link, or give a token."),
        ("x", "This login link is not valid: another server printed it, or this one before it"),
        ("a.b.c", "This token is not valid here: the token is malformed: it is not a signed JWT."),
        (jwt_of("ann", ttl=-60), "This token is not valid here: the token has expired."),
        (
            sign("ann", "x" * 32, now=time.time(), ttl=60),
            "This token is not valid here: the token's signature is not good here.",
        ),
    ],
)
async def test_why_a_token_is_not_good_is_said_to_programs_and_to_people(
    nobody: Client, token: str, said: str
) -> None:
    for reply in (await submit(nobody, token=token), await nobody.get(f"/login?token={token}")):
        assert (reply.status, reply.body["error"]) == (401, "Unauthorized")
        assert said in reply.body["message"]
    for reply in (
        await submit(nobody, BROWSER, token=token),
        await nobody.ask("GET", f"/login?token={token}", headers=BROWSER),
    ):
        assert (reply.status, "set-cookie" in reply.headers) == (401, False)
        assert reply.headers["content-type"].startswith("text/html")
        assert said.split("'")[0] in reply.text
        assert '<input name="token"' in reply.text


@pytest.mark.parametrize("query", ["?token=%00", "?token=%ff", "?x=1", "?token=%3Cscript%3E"])
async def test_a_login_link_that_is_none_leads_nowhere(nobody: Client, query: str) -> None:
    nobody.app.logins.issue("ann", monotonic())
    reply = await nobody.ask("GET", f"/login{query}", headers=BROWSER)

    assert (reply.status, "set-cookie" in reply.headers) == (401, False)
    assert "<script" not in reply.text


async def test_a_login_link_is_good_for_ten_minutes(nobody: Client) -> None:
    token = nobody.app.logins.issue("ann", monotonic() - LOGIN_SECONDS)
    reply = await nobody.get(f"/login?token={token}")

    assert reply.status == 401
    assert "has expired" in reply.body["message"]


async def test_looking_a_login_link_up_does_not_use_it_up(nobody: Client) -> None:
    token = nobody.app.logins.issue("ann", monotonic())
    looked = await nobody.ask("HEAD", f"/login?token={token}")

    assert "set-cookie" not in looked.headers
    assert (await nobody.get(f"/login?token={token}")).status == 303


async def test_whoever_is_logged_in_already_may_use_an_old_link(nobody: Client) -> None:
    headers = session_of(nobody, "ann")
    reply = await nobody.ask("GET", "/login?token=old", headers=headers)

    assert (reply.status, reply.headers["location"]) == (303, "/")
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize("site", ["none", "same-origin"])
async def test_a_link_that_a_person_opened_logs_in_at_once(nobody: Client, site: str) -> None:
    headers = {**BROWSER, "Sec-Fetch-Site": site}
    reply = await nobody.ask("GET", f"/login?token={jwt_of('ann')}", headers=headers)

    assert (reply.status, "set-cookie" in reply.headers) == (303, True)


@pytest.mark.parametrize("site", ["cross-site", "same-site", None])
async def test_a_link_on_another_site_logs_nobody_in_unasked(
    nobody: Client, site: str | None
) -> None:
    """A browser withholds the cookie then, so the session to be replaced is not known."""
    token = nobody.app.logins.issue("eve", monotonic())
    headers = BROWSER | ({} if site is None else {"Sec-Fetch-Site": site})
    asked = await nobody.ask("GET", f"/login?token={token}", headers=headers)

    assert (asked.status, "set-cookie" in asked.headers) == (200, False)
    assert "logs you in as eve" in asked.text
    assert f'name="token" value="{token}"' in asked.text
    assert (await submit(nobody, BROWSER, token=token)).status == 303


async def test_nobody_is_made_somebody_else_unasked(nobody: Client) -> None:
    ann = session_of(nobody, "ann")
    token = nobody.app.logins.issue("<eve>", monotonic())
    opened = await nobody.ask(
        "GET", f"/login?token={token}", headers={**BROWSER, **ann, "Sec-Fetch-Site": "none"}
    )
    sent = await submit(nobody, {**BROWSER, **ann}, token=token)
    program = await submit(nobody, ann, token=token)

    for asked, status in ((opened, 200), (sent, 409)):
        assert (asked.status, "set-cookie" in asked.headers) == (status, False)
        assert "You are logged in as ann. Do you want to be &lt;eve&gt; instead?" in asked.text
        assert 'name="instead_of" value="ann"' in asked.text
    assert (program.status, "set-cookie" in program.headers) == (409, False)
    assert (await submit(nobody, ann, token=token, instead_of="bob")).status == 409
    assert (await submit(nobody, ann, token=token, instead_of="ann")).status == 303


async def test_the_same_user_logs_in_again_unasked(nobody: Client) -> None:
    reply = await submit(nobody, session_of(nobody, "ann"), token=jwt_of("ann"))

    assert (reply.status, "set-cookie" in reply.headers) == (303, True)


@pytest.mark.parametrize("path", ["/login", "/logout"])
@pytest.mark.parametrize("origin", ["http://evil.example", "null", ""])
async def test_another_sites_page_logs_nobody_in_or_out(
    nobody: Client, path: str, origin: str
) -> None:
    for cookie in ({}, session_of(nobody, "ann")):
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": origin, **cookie}
        data = urlencode({"token": jwt_of("eve")}).encode()
        reply = await nobody.ask("POST", path, data=data, headers=headers)

        assert (reply.status, reply.body["error"]) == (403, "Forbidden origin")
        assert "set-cookie" not in reply.headers


@pytest.mark.parametrize("left", [90, 10 * SESSION_SECONDS])
async def test_a_session_lasts_no_longer_than_its_token(nobody: Client, left: int) -> None:
    reply = await submit(nobody, token=jwt_of("ann", ttl=left))

    age = int(reply.headers["set-cookie"].partition("Max-Age=")[2].partition(";")[0])
    assert min(left, SESSION_SECONDS) - 5 <= age <= min(left, SESSION_SECONDS)
    value = cookie_in(reply)["Cookie"].partition("=")[2]
    until = nobody.app.authenticator.in_session(value).until
    assert until is not None
    assert until <= time.time() + min(left, SESSION_SECONDS)


async def test_a_session_that_was_logged_out_is_over(nobody: Client) -> None:
    mine, other = session_of(nobody, "ann"), session_of(nobody, "ann")
    reply = await nobody.ask("POST", "/logout", headers={**mine, "Origin": HOME})
    again = await nobody.ask("POST", "/logout", headers={**mine, "Origin": HOME})
    refused = await nobody.ask("GET", "/api/models", headers=mine)

    assert (reply.status, again.status) == (204, 204)
    assert reply.headers["set-cookie"].startswith(f"{SESSION_COOKIE}=; Max-Age=0; Path=/")
    assert (refused.status, refused.body["message"]) == (
        401,
        "the session was logged out; log in again",
    )
    assert await is_let_in(nobody, other)


async def test_who_has_no_session_can_log_out(nobody: Client) -> None:
    for headers in ({}, {"Origin": HOME}, {"Origin": HOME, "Cookie": f"{SESSION_COOKIE}=x"}):
        assert (await nobody.ask("POST", "/logout", headers=headers)).status == 204


async def test_where_a_log_out_cannot_be_stored_it_is_not_claimed(nobody: Client) -> None:
    ann = session_of(nobody, "ann")
    assert nobody.app.runtime is not None
    await nobody.app.runtime.records.aclose()
    reply = await nobody.ask("POST", "/logout", headers={**ann, "Origin": HOME})

    assert (reply.status, "set-cookie" in reply.headers) == (503, False)


async def test_a_session_is_over_at_every_replica(autojump_clock: MockClock) -> None:
    async with two_replicas() as (here, there):
        session = session_of(here, "ann")
        assert await is_let_in(there, session)
        await nobody_at(here).ask("POST", "/logout", headers={**session, "Origin": HOME})
        await trio.sleep(REFRESH + 0.001)

        assert not await is_let_in(there, session)


async def test_a_user_whose_sessions_and_tokens_are_revoked_is_out(nobody: Client) -> None:
    assert nobody.app.runtime is not None
    house = nobody.app.runtime
    session, token = session_of(nobody, "ann"), jwt_of("ann")
    others = session_of(nobody, "bob")
    await house.records.revocations.revoke_user("ann")
    await house.revoked.read()
    by_token = await nobody.ask(
        "GET", "/api/models", headers=bearer("ann", ttl=60) | {"Authorization": f"Bearer {token}"}
    )
    login = await submit(nobody, token=token)

    assert not await is_let_in(nobody, session)
    assert (by_token.status, login.status) == (401, 401)
    assert "was revoked; log in again" in by_token.body["message"]
    assert "was revoked; log in again" in login.body["message"]
    assert await is_let_in(nobody, others)
    assert await is_let_in(nobody, session_of(nobody, "ann"))
