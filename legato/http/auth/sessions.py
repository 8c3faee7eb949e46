"""Sessions of the page: login by a token or a link, and logout."""

import time

from quart import Blueprint, Response, request
from quart_schema import hide

from legato.http.application import application
from legato.http.auth.authenticator import check_origin
from legato.http.auth.entering import (
    Login,
    cookie_header,
    current_user,
    enter,
    is_led_by_another_site,
    lead_to,
    place_of,
)
from legato.http.auth.login_page import asked, refused
from legato.http.auth.tokens import Unauthorized
from legato.http.error_page import is_browser
from legato.http.input.forms import form_of
from legato.http.request_context import no_content, runtime
from legato.http.request_info import credentials, request_info

sessions = Blueprint("sessions", __name__)


@sessions.get("/login")
@hide
async def follow() -> Response:
    """A login link.  The token is used up only where a person opened the link; else a page asks."""
    place = place_of(request.args.get("next"))
    try:
        login = await _login(request.args.get("token", ""), place)
    except Unauthorized as error:
        return lead_to(place) if current_user() else await refused(error, place)
    if request.method != "GET" or _is_to_be_asked(login):
        return await asked(login, 200)
    return _enter(login)


@sessions.post("/login")
@hide
async def submit() -> Response:
    """Exchange a one-time token, or a JWT, for a session cookie."""
    if request.headers.get("Origin") is not None:
        check_origin(credentials())
    form = await form_of()
    place = place_of(form.get("next"))
    try:
        login = await _login(form.get("token", ""), place)
    except Unauthorized as error:
        return await refused(error, place)
    if current_user() not in (None, login.user, form.get("instead_of")):
        return await asked(login, 409)
    return _enter(login)


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
    response.headers["Set-Cookie"] = cookie_header("", 0)
    return response


async def _login(token: str, place: str) -> Login:
    """The login that `token` allows, without using the token up.  A bad token counts as a try.

    Raises:
        Unauthorized: with the reason, for the person with the token.
        KeysUnavailable
    """
    if not token:
        raise Unauthorized("To log in, open a login link, or give a token.")
    try:
        return await _found(token, place)
    except Unauthorized as error:
        refusal = error
    await runtime().guards.failed(request_info())
    raise refusal


async def _found(token: str, place: str) -> Login:
    if one_time := application().logins.look(token, time.monotonic()):
        return Login(token, one_time, place)
    if token.count(".") == 2:  # as a JWT has
        return await _by_jwt(token, place)
    raise Unauthorized(
        "This login link is not valid: another server printed it, or this one before it was "
        "started again."
    )


async def _by_jwt(token: str, place: str) -> Login:
    try:
        user = await application().authenticator.bearer(token)
        runtime().revoked.check(user)
    except Unauthorized as error:
        raise Unauthorized(f"This token is not valid here: {error}.") from None
    return Login(token, user.id, place, user.until)


def _is_to_be_asked(login: Login) -> bool:
    """Whether the login might be as a user whom the person did not choose."""
    if current_user() not in (None, login.user):
        return True
    is_led = is_led_by_another_site()
    return is_browser() if is_led is None else is_led


def _enter(login: Login) -> Response:
    application().logins.redeem(login.token, time.monotonic())  # no await since `look`
    return enter(login.user, login.place, login.until)
