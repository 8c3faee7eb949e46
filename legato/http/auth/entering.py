"""The beginning of a session: who is logged in so far, the cookie, and the way to the page."""

import re
from typing import Final, cast

from msgspec import Struct
from quart import Response, redirect, request

from legato.http.application import application
from legato.http.auth.authenticator import session_cookie
from legato.http.auth.tokens import Unauthorized
from legato.http.request_context import runtime
from legato.http.request_info import credentials, scheme

OPENED_BY_A_PERSON: Final = ("none", "same-origin")
"""`Sec-Fetch-Site` of a link that was typed, opened by a program, or followed on our own page.
With any other value, another site's page may want to log the reader in as somebody else."""

LONGEST_PLACE: Final = 200
"""Characters of the path of a page; a conversation's has 39."""

_PLACE: Final = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+/?|/")
"""A path of this site: one slash before each part, or a browser would read `//host` as a host."""


class Login(Struct, frozen=True):
    """The session that a token would begin: of `user`, and no longer than `until`.

    `until` is in seconds since 1970; None where the session may last its full time.
    `place` is the path of the page that the person wanted.
    """

    token: str
    user: str
    place: str
    until: float | None = None


def home() -> str:
    return f"{application().settings.base_path}/"


def place_of(wanted: str | None) -> str:
    """The path of the page to show after a login: `wanted`, if this site could have the page.

    Everything else leads home; otherwise a link could log a person in and lead elsewhere.
    """
    if wanted is None or len(wanted) > LONGEST_PLACE or not wanted.startswith(home()):
        return home()
    return wanted if _PLACE.fullmatch(wanted) else home()


def current_user() -> str | None:
    """The logged-in user; None without a good cookie.

    A browser also withholds the cookie from a request that another site's page led to.
    """
    try:
        user = application().authenticator.in_session(credentials().session or "")
        runtime().revoked.check(user)
    except Unauthorized:
        return None
    return user.id


def is_led_by_another_site() -> bool | None:
    """Whether another site's page led to the request; None where the browser does not say."""
    came_from = request.headers.get("Sec-Fetch-Site")
    return came_from not in OPENED_BY_A_PERSON if came_from else None


def enter(user: str, place: str, until: float | None = None) -> Response:
    """Begin a session of `user`, and lead to the page that the person wanted."""
    authenticator = application().authenticator
    response = lead_to(place)
    cookie = cookie_header(authenticator.session(user, until), authenticator.session_seconds(until))
    response.headers["Set-Cookie"] = cookie
    return response


def lead_to(place: str) -> Response:
    return cast("Response", redirect(place, 303))


def cookie_header(value: str, seconds: int) -> str:
    """The session's Set-Cookie header; 0 seconds end the session in the browser."""
    return session_cookie(value, seconds, secure=is_secure(), path=home())


def is_secure() -> bool:
    return scheme() == "https"
