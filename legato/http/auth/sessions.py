"""Sessions of the page: login, logout, and the page for a login that is refused."""

import time
from typing import Final, cast

from msgspec import Struct
from quart import Blueprint, Response, redirect, render_template, request
from quart_schema import hide

from legato.http.auth.authenticator import check_origin, session_cookie
from legato.http.auth.tokens import Unauthorized
from legato.http.errors import said
from legato.http.input.forms import form_of
from legato.http.request_context import application, no_content, runtime
from legato.http.request_info import credentials, request_info, scheme_of

sessions = Blueprint("sessions", __name__)

OPENED_BY_A_PERSON: Final = ("none", "same-origin")
"""`Sec-Fetch-Site` of a link that was typed, opened by a program, or followed on our own page.
With any other value, another site's page may want to log the reader in as somebody else."""

LONGEST_ACCEPT: Final = 1024
"""Characters of `Accept`, enough for any browser; to read a longer header takes long."""


class Login(Struct, frozen=True):
    """The session that a token would begin: of `user`, and no longer than `until`.

    `until` is in seconds since 1970; None where the token is a one-time token.
    """

    token: str
    user: str
    until: float | None = None


@sessions.get("/login")
@hide
async def follow() -> Response:
    """A login link.  The token is used up only where a person opened the link; else a page asks."""
    try:
        login = await _login(request.args.get("token", ""))
    except Unauthorized as error:
        return _to_page() if _current_user() else await _refused(error)
    if request.method != "GET" or _is_to_be_asked(login):
        return await _asked(login, 200)
    return await _enter(login)


@sessions.post("/login")
@hide
async def submit() -> Response:
    """Exchange a one-time token, or a JWT, for a session cookie."""
    if request.headers.get("Origin") is not None:
        check_origin(credentials())
    form = await form_of()
    try:
        login = await _login(form.get("token", ""))
    except Unauthorized as error:
        return await _refused(error)
    if _current_user() not in (None, login.user, form.get("instead_of")):
        return await _asked(login, 409)
    return await _enter(login)


@sessions.post("/logout")
@hide
async def log_out() -> Response:
    """End the cookie's session, at every replica, and have the browser forget it."""
    given = credentials()
    if given.session is not None or given.origin is not None:
        check_origin(given)
    try:
        user = application().authenticator.in_session(given.session or "")
        await runtime().revoked.log_out(user)
    except Unauthorized:
        pass  # a session that has ended needs no end
    response = no_content()
    response.headers["Set-Cookie"] = _cookie("", 0)
    return response


async def _login(token: str) -> Login:
    """The login that `token` allows, without using the token up.  A bad token counts as a try.

    Raises:
        Unauthorized: with the reason, for the person with the token.
        KeysUnavailable
    """
    if not token:
        raise Unauthorized("To log in, open a login link, or give a token.")
    try:
        return await _found(token)
    except Unauthorized as error:
        refusal = error
    await runtime().guards.failed(request_info())
    raise refusal


async def _found(token: str) -> Login:
    if one_time := application().logins.look(token, time.monotonic()):
        return Login(token, one_time)
    if token.count(".") == 2:  # as a JWT has
        return await _by_jwt(token)
    raise Unauthorized(
        "This login link is not valid: another server printed it, or this one before it was "
        "started again."
    )


async def _by_jwt(token: str) -> Login:
    try:
        user = await application().authenticator.bearer(token)
        runtime().revoked.check(user)
    except Unauthorized as error:
        raise Unauthorized(f"This token is not valid here: {error}.") from None
    return Login(token, user.id, user.until)


def _current_user() -> str | None:
    """The logged-in user; None without a good cookie.

    A browser also withholds the cookie from a request that another site's page led to.
    """
    try:
        user = application().authenticator.in_session(credentials().session or "")
        runtime().revoked.check(user)
    except Unauthorized:
        return None
    return user.id


def _is_to_be_asked(login: Login) -> bool:
    """Whether the login might be as a user whom the person did not choose."""
    if _current_user() not in (None, login.user):
        return True
    came_from = request.headers.get("Sec-Fetch-Site")
    return came_from not in OPENED_BY_A_PERSON if came_from else _is_browser()


def _is_browser() -> bool:
    if len(request.headers.get("Accept", "")) > LONGEST_ACCEPT:
        return False
    kinds = ["application/json", "text/html"]
    return request.accept_mimetypes.best_match(kinds) == "text/html"


async def _enter(login: Login) -> Response:
    app = application()
    app.logins.redeem(login.token, time.monotonic())  # no await since `look`
    seconds = app.authenticator.session_seconds(login.until)
    response = _to_page()
    response.headers["Set-Cookie"] = _cookie(
        app.authenticator.session(login.user, login.until), seconds
    )
    return response


def _cookie(value: str, seconds: int) -> str:
    path = f"{application().settings.base_path}/"
    return session_cookie(value, seconds, secure=scheme_of(request) == "https", path=path)


def _to_page() -> Response:
    return cast("Response", redirect(f"{application().settings.base_path}/", 303))


async def _asked(login: Login, status: int) -> Response:
    current = _current_user()
    message = (
        f"You are logged in as {current}. Do you want to be {login.user} instead?"
        if current not in (None, login.user)
        else f"This link logs you in as {login.user}. Go on only if you expected that."
    )
    if not _is_browser():
        return said(status, "Logged in already", message)
    return await _page(status, "Log in?", message, login, current or "")


async def _refused(error: Unauthorized) -> Response:
    """The refusal: for a browser a page that asks for another token, for a program the reason."""
    if not _is_browser():
        return said(401, "Unauthorized", str(error))
    return await _page(401, "Please log in", str(error))


async def _page(
    status: int, title: str, message: str, login: Login | None = None, instead_of: str = ""
) -> Response:
    text = await render_template(
        "login.html",
        base=application().settings.base_path,
        title=title,
        message=message,
        token=login and login.token,
        user=login and login.user,
        instead_of=instead_of,
    )
    return Response(text, status, mimetype="text/html")
