"""The routes to the identity provider and back.

The browser leaves by `/login/oidc`, with a cookie that binds the login to the browser, and comes
back to `/login/oidc/callback` with a code, for which the provider names the user.
"""

from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlencode

import structlog
from quart import Blueprint, Response, abort, redirect, render_template, request
from quart_schema import hide

from legato.http.application import application
from legato.http.auth.authenticator import check_origin
from legato.http.auth.entering import (
    Login,
    current_user,
    enter,
    home,
    is_led_by_another_site,
    is_secure,
    place_of,
)
from legato.http.auth.login_page import asked, page
from legato.http.auth.oidc.errors import (
    LoginFailed,
    NotAllowed,
    ProviderUnavailable,
    UnusableReply,
    shown,
)
from legato.http.auth.oidc.flows import Flow, ended_cookie, new_flow
from legato.http.auth.tokens import Unauthorized
from legato.http.error_page import is_browser
from legato.http.errors import said
from legato.http.input.forms import form_of
from legato.http.request_context import runtime
from legato.http.request_info import credentials, host, request_info, scheme

if TYPE_CHECKING:
    from legato.http.auth.oidc.provider import IdentityProvider

oidc = Blueprint("oidc", __name__, url_prefix="/login/oidc")

HERE: Final = "login/oidc"
"""The path of these routes, below the home page."""

SEEN: Final = "seen"
"""A parameter of the callback's own second request."""

log = structlog.get_logger()


@oidc.get("")
@hide
async def leave() -> Response:
    """Lead the browser to the provider's login."""
    provider = _provider()
    place = place_of(request.args.get("next"))
    if request.method != "GET" or is_led_by_another_site():
        message = f"Another page led you here. Do you want to log in with {_label()}?"
        return await page(200, "Log in?", message, place=place)
    flow = new_flow(f"{scheme()}://{host()}{home()}{HERE}/callback", place)
    try:
        url = await provider.authorization_url(flow)
    except LoginFailed as error:
        return await _failed(error, place)
    response = cast("Response", redirect(url, 303))
    response.headers["Set-Cookie"] = application().flows.cookie(flow, **_cookie_scope())
    return response


@oidc.get("/callback")
@hide
async def come_back() -> Response:
    """Take the provider's answer, and begin the session of the user whom the provider names."""
    _provider()
    await runtime().guards.receive(request_info())
    if is_led_by_another_site() and SEEN not in request.args:
        return await _again_from_here()
    flow = application().flows.find(
        request.headers.getlist("Cookie"), request.args.get("state", "")
    )
    place = home() if flow is None else flow.place
    try:
        response = await _enter(await _user(flow), place)
    except LoginFailed as error:
        if not isinstance(error, ProviderUnavailable):
            await runtime().guards.failed(request_info())
        response = await _failed(error, place)
    if flow is not None:
        response.headers.add("Set-Cookie", ended_cookie(flow, **_cookie_scope()))
    return response


@oidc.post("")
@hide
async def confirm() -> Response:
    """The person's consent to replace another user's session."""
    _provider()
    if request.headers.get("Origin") is not None:
        check_origin(credentials())
    form = await form_of()
    place, token = place_of(form.get("next")), form.get("token", "")
    user = application().flows.confirmed(token)
    if user is None:
        return await _failed(LoginFailed("this page was open for too long; log in again"), place)
    try:
        runtime().revoked.check(user)  # the page with the question may have been open since before
    except Unauthorized as error:
        return await _failed(LoginFailed(str(error)), place)
    if current_user() not in (None, user.id, form.get("instead_of")):
        return await asked(Login(token, user.id, place), 409, HERE)
    return enter(user.id, place)


def _provider() -> "IdentityProvider":
    """The provider; 404 where none is configured."""
    provider = application().provider
    return abort(404) if provider is None else provider


def _label() -> str:
    return _provider().settings.label


def _cookie_scope() -> dict[str, Any]:
    return {"path": f"{home()}{HERE}", "secure": is_secure()}


async def _again_from_here() -> Response:
    """Have the browser ask again, from a page of our own.

    A request that the provider's page led to brings no session cookie (SameSite=Strict), and
    without the cookie nobody knows whose session the login would replace.
    """
    query = urlencode({**request.args.to_dict(), SEEN: "1"})
    text = await render_template("again.html", url=f"{home()}{HERE}/callback?{query}")
    return Response(text, 200, mimetype="text/html")


async def _user(flow: Flow | None) -> str:
    """The user whom the provider names.  Raises LoginFailed."""
    if flow is None:
        raise LoginFailed(
            "this login was not begun in this browser, has ended already, or took longer than ten"
            " minutes; log in again"
        )
    await _provider().check_issuer(request.args.get("iss"))
    if (error := request.args.get("error")) is not None:
        raise _declined(error)
    if not (code := request.args.get("code")):
        raise UnusableReply("the answer has neither a code nor an error")
    return await _provider().user(flow, code)


def _declined(error: str) -> LoginFailed:
    """The provider's refusal (RFC 6749, 4.1.2.1), in words."""
    match error:
        case "access_denied":
            return NotAllowed("the login was declined, by you or by a rule of the provider")
        case "server_error" | "temporarily_unavailable":
            return ProviderUnavailable(f"the answer was {error}")
        case _:
            return UnusableReply(f"the answer was a refusal {shown(error)}".strip())


async def _enter(user: str, place: str) -> Response:
    if current_user() in (None, user):
        return enter(user, place)
    token = application().flows.confirmation(user)
    return await asked(Login(token, user, place), 200, HERE)


async def _failed(error: LoginFailed, place: str) -> Response:
    if isinstance(error, ProviderUnavailable | UnusableReply):
        log.warning("login failed", provider=_label(), reason=str(error))
    message = f"{_label()}: {error}."
    if isinstance(error, ProviderUnavailable):
        message = f"{_label()} cannot be asked at the moment. Try again in a moment."
    if not is_browser():
        return said(error.status, error.title, message)
    return await page(error.status, error.title, message, place=place)
