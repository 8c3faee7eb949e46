"""The page, the login that leads to it, and what operators and tools look at."""

import time
from importlib.util import find_spec
from pathlib import Path
from typing import Final, cast

from msgspec.structs import replace
from quart import (
    Blueprint,
    Response,
    abort,
    current_app,
    redirect,
    request,
)
from quart_schema import hide, tag_blueprint

from legato.http.auth import Credentials, session_cookie
from legato.http.errors import said
from legato.http.facts import asking
from legato.http.openapi import describe
from legato.http.replies import HealthReply, ModelName, ModelsReply
from legato.http.tokens import Unauthorized
from legato.http.wire import application, credentials_of, reply, runtime, scheme_of

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
    read = Path(swagger_folder(), file).read_bytes
    return await application().assets.reply(f"docs/{file}", read)


def swagger_folder() -> str:
    """Where the package has them; importing it would import Flask."""
    package = find_spec("flask_swagger_ui")
    assert package is not None, "it is a dependency"
    assert package.origin is not None, "it is a package of files"
    return str(Path(package.origin).with_name("dist"))


@pages.get("/login")
@hide
async def login() -> Response:
    """Exchange a one-time token, or a JWT, for a session cookie."""
    app = application()
    # What looks a link up before it is followed, by HEAD, must not use it up.
    token = request.args.get("token", "") if request.method == "GET" else ""
    user = app.logins.redeem(token, time.monotonic()) or await bearer(token)
    response = cast("Response", redirect("/"))
    if user is None and token:
        await runtime().guards.failed(asking())
    if user is None:
        return response if await is_logged_in() else await no_login()
    cookie = session_cookie(app.authenticator.session(user), secure=scheme_of(request) == "https")
    response.headers["Set-Cookie"] = cookie
    return response


async def bearer(token: str) -> str | None:
    """Whose JWT it is; None where it is none, or not good."""
    return await known(replace(credentials_of(request), authorization=f"Bearer {token}"))


async def is_logged_in() -> bool:
    return await known(replace(credentials_of(request), authorization=None)) is not None


async def known(credentials: Credentials) -> str | None:
    try:
        return (await application().authenticator.authenticate(credentials)).id
    except Unauthorized:
        return None


async def no_login() -> Response:
    """For a browser the page, which asks for another token; for a program the reason."""
    if request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html":
        page = await index()
        page.status_code = 401
        return page
    message = "This login link was used or has expired.  The server prints a fresh one."
    return said(401, "Unauthorized", message)


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
    await runtime().jobs.ping()
    return reply(HealthReply("ready"))
