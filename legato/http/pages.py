"""The page, and the routes for operators and tools."""

from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from quart import (
    Blueprint,
    Response,
    abort,
    current_app,
)
from quart_schema import hide, tag_blueprint

from legato.http.application import application
from legato.http.openapi import describe
from legato.http.page_text import page_for
from legato.http.replies import HealthReply, ModelName, ModelsReply
from legato.http.request_context import reply, runtime

pages = Blueprint("pages", __name__)
tag_blueprint(pages, ["server"])

SWAGGER_FILES: Final = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")


@pages.get("/")
@pages.get("/c/<conversation_id>")
@hide
async def index(conversation_id: str | None = None) -> Response:
    return await _page("index.html")


@pages.get("/inspect")
@pages.get("/inspect/<generation_id>")
@hide
async def inspect(generation_id: str | None = None) -> Response:
    return await _page("inspect.html")


async def _page(name: str) -> Response:
    page = Path(str(current_app.static_folder), name)
    read = partial(page_for, application().settings, page, application().static.version)
    return await application().assets.reply(name, read)


@pages.get("/docs")
@hide
async def docs() -> Response:
    return await current_app.send_static_file("docs.html")


@pages.get("/docs/<file>")
@hide
async def docs_file(file: str) -> Response:
    """A file of Swagger UI."""
    if file not in SWAGGER_FILES:
        abort(404)
    read = Path(swagger_folder(), file).read_bytes
    return await application().assets.reply(f"docs/{file}", read)


def swagger_folder() -> str:
    """The folder in the package `flask_swagger_ui`, whose import would import Flask."""
    package = find_spec("flask_swagger_ui")
    assert package is not None, "it is a dependency"
    assert package.origin is not None, "it is a package of files"
    return str(Path(package.origin).with_name("dist"))


@pages.get("/api/models")
@describe(ModelsReply)
async def models() -> Response:
    """The models that can be asked, and the default model."""
    current = runtime()
    return reply(ModelsReply([_offered(name) for name in current.models], current.default_model))


def _offered(name: str) -> ModelName:
    table = runtime().settings.models.get(name)  # none of a model that is built in
    return ModelName(name) if table is None else ModelName(name, table.description, table.efforts)


@pages.get("/healthz")
@describe(HealthReply)
async def health() -> Response:
    """The process answers."""
    return reply(HealthReply("ok"))


@pages.get("/readyz")
@describe(HealthReply, refusals=(503,))
async def readiness() -> Response:
    """The storage and the journal can be used, and among replicas Redis, too."""
    await runtime().records.ping()
    await runtime().jobs.ping()
    return reply(HealthReply("ready"))
