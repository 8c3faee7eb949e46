"""The page, the login that leads to it, and what operators and tools look at."""

import time
from typing import cast

from quart import Blueprint, Response, current_app, redirect, request
from quart_schema import hide

from legato.http.auth import session_cookie
from legato.http.errors import said
from legato.http.wire import application, reply, runtime

pages = Blueprint("pages", __name__)


@pages.get("/")
@pages.get("/c/<conversation_id>")
@hide
async def index(conversation_id: str | None = None) -> Response:
    return await current_app.send_static_file("index.html")


@pages.get("/docs")
@hide
async def docs() -> Response:
    return await current_app.send_static_file("docs.html")


@pages.get("/login")
@hide
async def login() -> Response:
    """Exchange a one-time token for a session cookie."""
    app = application()
    user = app.logins.redeem(request.args.get("token", ""), time.monotonic())
    if user is None:
        message = "This login link was used or has expired.  The server prints a fresh one."
        return said(401, "Unauthorized", message)
    response = cast("Response", redirect("/"))
    cookie = session_cookie(app.authenticator.session(user), secure=request.is_secure)
    response.headers["Set-Cookie"] = cookie
    return response


@pages.get("/api/models")
async def models() -> Response:
    """The models that can be asked, and the one that is asked by default."""
    house = runtime()
    names = [{"name": name} for name in house.models]
    return reply({"models": names, "default": house.default_model})


@pages.get("/healthz")
async def health() -> Response:
    """The process answers."""
    return reply({"status": "ok"})


@pages.get("/readyz")
async def readiness() -> Response:
    """Its storage can be used, too."""
    await runtime().records.ping()
    return reply({"status": "ready"})
