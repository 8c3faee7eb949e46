"""The page for a login, and for a refused login; a program gets the same as JSON."""

from urllib.parse import urlencode

from quart import Response, render_template

from legato.http.application import application
from legato.http.auth.entering import Login, current_user, home
from legato.http.auth.tokens import Unauthorized
from legato.http.error_page import is_browser
from legato.http.errors import said


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
    """The refusal: for a browser a page with room for a further token, for a program the reason."""
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
