"""The page that asks for a login, or says why one is refused; a program gets the same as JSON."""

from typing import Final
from urllib.parse import urlencode

from quart import Response, render_template, request

from legato.http.auth.entering import Login, current_user, home
from legato.http.auth.tokens import Unauthorized
from legato.http.errors import said
from legato.http.request_context import application

LONGEST_ACCEPT: Final = 1024
"""Characters of `Accept`, enough for any browser; to read a longer header takes long."""


def is_browser() -> bool:
    """Whether the client prefers a page to JSON."""
    if len(request.headers.get("Accept", "")) > LONGEST_ACCEPT:
        return False
    kinds = ["application/json", "text/html"]
    return request.accept_mimetypes.best_match(kinds) == "text/html"


async def asked(login: Login, status: int, action: str = "login") -> Response:
    """Ask the person before the login; `action` is the path that takes the answer."""
    current = current_user()
    is_replaced = current not in (None, login.user)
    message = (
        f"You are logged in as {current}. Do you want to be {login.user} instead?"
        if is_replaced
        else f"This link logs you in as {login.user}. Go on only if you expected that."
    )
    if not is_browser():
        return said(status, "Logged in already", message)
    more = {"login": login, "action": action, "instead_of": current if is_replaced else ""}
    return await page(status, "Log in?", message, **more)


async def refused(error: Unauthorized, place: str) -> Response:
    """The refusal: for a browser a page that asks for another token, for a program the reason."""
    if not is_browser():
        return said(401, "Unauthorized", str(error))
    return await page(401, "Please log in", str(error), place=place)


async def page(status: int, title: str, message: str, **more: object) -> Response:
    provider = application().provider
    place = str(more.get("place", home()))
    text = await render_template(
        "login.html",
        base=application().settings.base_path,
        title=title,
        message=message,
        provider=provider and provider.settings.label,
        provider_query=urlencode({"next": place}),
        **{"login": None, "place": place, **more},
    )
    return Response(text, status, mimetype="text/html")
