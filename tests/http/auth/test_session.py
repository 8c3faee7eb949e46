"""The page's session cookie, good only from the page's own origin."""

import pytest

from legato.http.auth.authenticator import (
    SESSION_SECONDS,
    Authenticator,
    Credentials,
    ForbiddenOrigin,
    Unauthorized,
    session_cookie,
)
from legato.http.auth.tokens import LEEWAY, sign
from tests.support.http.identity import NOW, SECRET, Clock, bearer

ORIGIN = "http://127.0.0.1:8000"


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def authenticator(clock: Clock) -> Authenticator:
    return Authenticator(SECRET, clock=clock)


def with_cookie(session: str, method: str = "GET", origin: str | None = None) -> Credentials:
    return Credentials(method=method, own_origin=ORIGIN, session=session, origin=origin)


async def refusal(authenticator: Authenticator, credentials: Credentials) -> str:
    with pytest.raises(Unauthorized) as caught:
        await authenticator.authenticate(credentials)
    return str(caught.value)


async def test_the_cookie_lasts_twelve_hours(authenticator: Authenticator, clock: Clock) -> None:
    session = authenticator.session("ada")

    clock.now = NOW + SESSION_SECONDS
    assert (await authenticator.authenticate(with_cookie(session))).id == "ada"

    clock.now = NOW + SESSION_SECONDS + LEEWAY
    assert await refusal(authenticator, with_cookie(session)) == "the token has expired"


async def test_a_bearer_token_wins_over_the_cookie(authenticator: Authenticator) -> None:
    session = authenticator.session("ada")
    both = Credentials(
        method="POST",
        own_origin=ORIGIN,
        session=session,
        authorization="Bearer " + sign("bob", SECRET, now=NOW, ttl=60),
    )

    assert (await authenticator.authenticate(both)).id == "bob"


async def test_a_bad_bearer_token_is_not_mended_by_the_cookie(
    authenticator: Authenticator,
) -> None:
    both = Credentials(
        method="GET",
        own_origin=ORIGIN,
        session=authenticator.session("ada"),
        authorization="Bearer x",
    )

    assert "malformed" in await refusal(authenticator, both)


async def test_another_scheme_leaves_the_word_to_the_cookie(authenticator: Authenticator) -> None:
    both = Credentials(
        method="GET",
        own_origin=ORIGIN,
        session=authenticator.session("ada"),
        authorization="Basic YTpi",
    )

    assert (await authenticator.authenticate(both)).id == "ada"


async def test_a_token_is_no_cookie_and_a_cookie_no_token(authenticator: Authenticator) -> None:
    token, session = sign("ada", SECRET, now=NOW, ttl=60), authenticator.session("ada")

    assert "signature" in await refusal(authenticator, with_cookie(token))
    assert "signature" in await refusal(authenticator, bearer(session))


@pytest.mark.parametrize("session", ["", "x", "\udcff"])
async def test_a_spoilt_cookie_is_refused(authenticator: Authenticator, session: str) -> None:
    await refusal(authenticator, with_cookie(session))


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_reading_with_the_cookie_needs_no_origin(
    authenticator: Authenticator, method: str
) -> None:
    for origin in (None, "https://evil.example"):
        credentials = with_cookie(authenticator.session("ada"), method, origin)

        assert (await authenticator.authenticate(credentials)).id == "ada"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "post", "PURGE"])
@pytest.mark.parametrize(
    "origin",
    [
        None,
        "",
        "null",
        "http://evil.example",
        "https://127.0.0.1:8000",
        "http://127.0.0.1",
        "http://127.0.0.1:80",
        "http://127.0.0.1:80000",
        "http://localhost:8000",
        "http://127.0.0.1:8000.evil.example",
        "http://127.0.0.1:8000@evil.example",
        "http://evil.example/http://127.0.0.1:8000",
        "http://127.0.0.1:8000/",
        "127.0.0.1:8000",
    ],
)
async def test_changing_with_the_cookie_needs_our_own_origin(
    authenticator: Authenticator, method: str, origin: str | None
) -> None:
    credentials = with_cookie(authenticator.session("ada"), method, origin)

    with pytest.raises(ForbiddenOrigin, match="Origin"):
        await authenticator.authenticate(credentials)


@pytest.mark.parametrize(
    ("own", "origin"),
    [
        (ORIGIN, ORIGIN),
        ("http://Example.com", "http://example.com"),
        ("http://example.com:80", "http://example.com"),
        ("https://example.com:443", "https://example.com"),
        ("http://example.com", "http://example.com:80"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
async def test_our_own_origin_may_change_things_with_the_cookie(
    authenticator: Authenticator, own: str, origin: str
) -> None:
    credentials = Credentials(
        method="POST", own_origin=own, session=authenticator.session("ada"), origin=origin
    )

    assert (await authenticator.authenticate(credentials)).id == "ada"


@pytest.mark.parametrize("own", ["http://example.com:443", "https://example.com:80", "http://"])
async def test_the_other_schemes_port_is_another_origin(
    authenticator: Authenticator, own: str
) -> None:
    credentials = Credentials(
        method="POST",
        own_origin=own,
        session=authenticator.session("ada"),
        origin="http://example.com",
    )

    with pytest.raises(ForbiddenOrigin):
        await authenticator.authenticate(credentials)


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites() -> None:
    assert session_cookie("v", 60, secure=False) == (
        "legato_session=v; Max-Age=60; Path=/; HttpOnly; SameSite=Strict"
    )
    assert session_cookie("v", 60, secure=True).endswith("; SameSite=Strict; Secure")
    assert "; Path=/llm/;" in session_cookie("v", 60, secure=False, path="/llm/")


@pytest.mark.parametrize(
    ("left", "seconds"), [(60.9, 60), (SESSION_SECONDS + 1, SESSION_SECONDS), (0, 0), (-5, 0)]
)
async def test_a_session_lasts_no_longer_than_the_token_that_began_it(
    authenticator: Authenticator, clock: Clock, left: float, seconds: int
) -> None:
    session = authenticator.session("ada", NOW + left)

    assert authenticator.session_seconds(NOW + left) == seconds
    clock.now = NOW + seconds + LEEWAY - 1
    assert (await authenticator.authenticate(with_cookie(session))).id == "ada"
    clock.now = NOW + seconds + LEEWAY
    assert await refusal(authenticator, with_cookie(session)) == "the token has expired"


async def test_every_session_has_an_id_of_its_own(authenticator: Authenticator) -> None:
    users = [
        await authenticator.authenticate(with_cookie(authenticator.session("ada")))
        for _ in range(2)
    ]

    assert len({user.session for user in users} - {None}) == 2
    assert [user.issued_at for user in users] == [NOW, NOW]
