"""`/openapi.json`: the description of the API, made once."""

from quart import Response
from quart_schema import QuartSchema, hide

from legato.http.application import Legato, application

NAME = "openapi.json"


@hide
async def openapi() -> Response:
    app = application()
    return await app.assets.reply(NAME, lambda: described(app))


def described(app: Legato) -> bytes:
    """The description as JSON; to walk all routes and their structs takes some 40 ms."""
    extension: QuartSchema = app.extensions["QUART_SCHEMA"]
    schema = extension.openapi_provider.schema()
    return app.json.dumps(schema, separators=(",", ":")).encode()
