"""A login at an identity provider: there, back, and into a session."""

from legato.http.auth.authenticator import SESSION_COOKIE
from tests.support.http.client import Client
from tests.support.http.oidc import OidcProvider
from tests.support.http.oidc_login import log_in


async def test_who_logs_in_at_the_provider_has_a_session(
    browser: Client, provider: OidcProvider
) -> None:
    reply = await log_in(browser)

    assert (reply.status, reply.headers["location"]) == (303, "/")
    session = reply.headers["set-cookie"]
    assert session.startswith(f"{SESSION_COOKIE}=")
    assert {"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"} <= set(session.split("; "))
    cookie = {"Cookie": session.split(";")[0]}
    assert (await browser.ask("GET", "/api/models", headers=cookie)).status == 200
