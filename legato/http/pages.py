"""The page, the login that leads to it, and what operators and tools look at."""

import time
from importlib.util import find_spec
from pathlib import Path
from typing import Final, cast

from quart import (
    Blueprint,
    Response,
    abort,
    current_app,
    redirect,
    request,
    send_from_directory,
)
from quart_schema import hide, tag_blueprint

from legato.http.auth import session_cookie
from legato.http.errors import said
from legato.http.openapi import describe
from legato.http.replies import HealthReply, ModelName, ModelsReply
from legato.http.wire import application, reply, runtime

pages = Blueprint("pages", __name__)
tag_blueprint(pages, ["server"])

SWAGGER_FILES: Final = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")


@pages.get("/")
@pages.get("/c/<conversation_id>")
@hide
async def index(conversation_id: str | None = None) -> Response:
    return await current_app.send_static_file("index.html")


@pages.get("/docs")
@hide
async def docs() -> Response:
    return await current_app.send_static_file("docs.html")


@pages.get("/docs/<file>")
@hide
async def docs_file(file: str) -> Response:
    """One of Swagger UI's own files."""
    if file not in SWAGGER_FILES:
        abort(404)
    return await send_from_directory(swagger_folder(), file)


def swagger_folder() -> str:
    """Where the package has them; importing it would import Flask."""
    package = find_spec("flask_swagger_ui")
    assert package is not None, "it is a dependency"
    assert package.origin is not None, "it is a package of files"
    return str(Path(package.origin).with_name("dist"))


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
@describe(ModelsReply)
async def models() -> Response:
    """The models that can be asked, and the one that is asked by default."""
    house = runtime()
    return reply(ModelsReply([ModelName(name) for name in house.models], house.default_model))


@pages.get("/healthz")
@describe(HealthReply)
async def health() -> Response:
    """The process answers."""
    return reply(HealthReply("ok"))


@pages.get("/readyz")
@describe(HealthReply, refusals=(503,))
async def readiness() -> Response:
    """Its storage can be used, too."""
    await runtime().records.ping()
    return reply(HealthReply("ready"))
