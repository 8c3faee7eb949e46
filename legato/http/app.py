"""Puts the application together: routes, who may use them, and how errors are said."""

import os
from contextlib import suppress
from typing import Final

from quart import Response, g, request, websocket
from quart_schema import Info, QuartSchema, Server
from werkzeug.exceptions import HTTPException

from legato.config import Settings, load_settings
from legato.http.agents.avatars import avatars
from legato.http.agents.permissions import permissions
from legato.http.agents.routes import agents
from legato.http.application import Legato
from legato.http.auth.access import user_at
from legato.http.auth.keys import keys
from legato.http.auth.sessions import sessions
from legato.http.chat import chat
from legato.http.conversations import conversations
from legato.http.cors import Cors
from legato.http.description import openapi
from legato.http.errors import HANDLED, OPENAI_PATHS, response_to, said
from legato.http.guards.denials import Denied
from legato.http.guards.frames import frames_response
from legato.http.headers import secure
from legato.http.input.bounds import bound_heads
from legato.http.input.uploads import upload_of
from legato.http.metrics import metrics
from legato.http.openai.chat_completions.completions import completions
from legato.http.openai.chat_completions.jobs import completion_jobs
from legato.http.openai.models import models
from legato.http.openai.responses.compaction import compaction
from legato.http.openai.responses.jobs import response_jobs
from legato.http.openai.responses.responses import responses
from legato.http.openai.responses.sockets import response_sockets
from legato.http.openapi import ABOUT, SECURITY, SECURITY_SCHEMES, Description
from legato.http.pages import pages
from legato.http.request_context import application, credentials_of, handshake_of, runtime
from legato.http.request_info import asking
from legato.http.runtime import Runtime
from legato.secret import with_secret

BLUEPRINTS: Final = (
    *(agents, avatars, permissions),
    *(chat, completions, completion_jobs, conversations, keys, models),
    *(responses, response_jobs, response_sockets, compaction),
    *(pages, sessions, metrics),
)

MAX_PUBLIC_BODY: Final = 32 * 1024
"""Bytes.  A token in the login form has as many at most as one in a header."""


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
        servers=[Server(app.settings.base_path)] if app.settings.base_path else None,
        openapi_provider_class=Description,
    )
    app.view_functions["openapi"] = openapi
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.requests.follow(app)
    bound_heads(app)
    Cors(app.settings.cors_origins).guard(app)
    for step in (receive, authenticate, admit, take_body):
        app.before_request(step)
    for step in (receive, authenticate_handshake, admit):
        app.before_websocket(step)
    app.after_request(secure)
    for kind in HANDLED:
        app.register_error_handler(kind, answer)
    app.register_error_handler(HTTPException, refuse)
    return app


async def authenticate() -> None:
    """Let nobody unknown near the API; everything else is public."""
    if is_guarded(request.path):
        g.user = (await user_at(request.path, credentials_of(request))).id


async def authenticate_handshake() -> None:
    """A WebSocket is asked for by no method that is safe: with a cookie its origin must be ours."""
    g.user = (await user_at(websocket.path, handshake_of(websocket))).id


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


async def take_body() -> None:
    """Who asks is known by now, or it is a public place, where nobody has much to say."""
    upload = upload_of(request)
    if not is_guarded(request.path):
        upload.bound(MAX_PUBLIC_BODY)
    upload.wanted.set()


async def answer(error: Exception) -> Response:
    """Say what went wrong, once the guards have seen whether it was a violation."""
    asked = asking()
    error = await runtime().guards.judge(asked, error)
    application().requests.refused[type(error).__name__] += 1
    as_frames = application().settings.compat.librechat_denials and asked.is_start
    if as_frames and isinstance(error, Denied):
        body = b""
        with suppress(HTTPException):  # what could not be read is not repeated
            body = await asked.read() if asked.user else b""  # nor what nobody known sent
        return frames_response(error, body)
    return response_to(error)


async def refuse(error: HTTPException) -> Response:
    """What Quart itself refuses: unknown paths, wrong methods, bodies too large, and bugs."""
    if error.code == 404:
        return said(404, "Not found", "Endpoint not found")
    response = said(error.code or 500, error.name, error.description or error.name)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response
