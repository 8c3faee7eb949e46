"""Puts the application together: routes, who may use them, and how errors are said."""

import os
from contextlib import suppress
from typing import Final

from quart import Response, g, request
from quart_schema import Info, QuartSchema
from werkzeug.exceptions import HTTPException

from legato.config import Settings, load_settings
from legato.http.access import user_at
from legato.http.application import Legato
from legato.http.chat import chat
from legato.http.conversations import conversations
from legato.http.errors import HANDLED, OPENAI_PATHS, response_to, said
from legato.http.facts import asking
from legato.http.guards.denials import Denied
from legato.http.guards.frames import frames_response
from legato.http.keys import keys
from legato.http.openai.completion_jobs import completion_jobs
from legato.http.openai.completions import completions
from legato.http.openai.models import models
from legato.http.openapi import ABOUT, SECURITY, SECURITY_SCHEMES, Description
from legato.http.pages import pages
from legato.http.runtime import Runtime
from legato.http.wire import application, credentials_of, runtime
from legato.secret import with_secret

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'self'; object-src 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def create_app(settings: Settings | None = None, runtime: Runtime | None = None) -> Legato:
    """The ASGI application.

    Without `settings` they are read from the environment and `legato.toml`; without `runtime`
    the ASGI lifespan opens one.

    Raises:
        ConfigError: if a setting is wrong.
    """
    app = Legato(with_secret(settings or load_settings(os.environ)), runtime)
    QuartSchema(
        app,
        swagger_ui_path=None,  # its page loads scripts from elsewhere; ours is under /docs
        redoc_ui_path=None,
        scalar_ui_path=None,
        info=Info(title="Legato", version="0.1.0", description=ABOUT),
        conversion_preference="msgspec",
        security_schemes=SECURITY_SCHEMES,
        security=SECURITY,
        openapi_provider_class=Description,
    )
    for blueprint in (chat, completions, completion_jobs, conversations, keys, models, pages):
        app.register_blueprint(blueprint)
    for step in (receive, authenticate, admit):
        app.before_request(step)
    app.after_request(secure)
    for kind in HANDLED:
        app.register_error_handler(kind, answer)
    app.register_error_handler(HTTPException, refuse)
    return app


async def authenticate() -> None:
    """Let nobody unknown near the API; everything else is public."""
    if is_guarded(request.path):
        g.user = (await user_at(request.path, credentials_of(request))).id


def is_guarded(path: str) -> bool:
    return path.startswith(("/api/", *OPENAI_PATHS))


async def receive() -> None:
    """Turn the banned away before anything is done for them."""
    asked = asking()
    if is_guarded(asked.path):
        await runtime().guards.receive(asked)


async def admit() -> None:
    """Let those whom we know by now pass the guards."""
    asked = asking()
    if is_guarded(asked.path):
        g.told = await runtime().guards.admit(asked)


async def answer(error: Exception) -> Response:
    """Say what went wrong, once the guards have seen whether it was a violation."""
    asked = asking()
    error = await runtime().guards.judge(asked, error)
    as_frames = application().settings.compat.librechat_denials and asked.is_start
    if as_frames and isinstance(error, Denied):
        body = b""
        with suppress(HTTPException):  # what could not be read is not repeated
            body = await asked.read()
        return frames_response(error, body)
    return response_to(error)


async def secure(response: Response) -> Response:
    response.headers.update(g.get("told", {}))
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    return response


async def refuse(error: HTTPException) -> Response:
    """What Quart itself refuses: unknown paths, wrong methods, bodies too large, and bugs."""
    if error.code == 404:
        return said(404, "Not found", "Endpoint not found")
    response = said(error.code or 500, error.name, error.description or error.name)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response
