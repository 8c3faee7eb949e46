"""Builds the application: the routes, the description, and the gate before all routes."""

import os
from typing import Final

from quart_schema import Info, QuartSchema, Server

from legato.config import Settings, load_settings
from legato.http.agents.actions import actions
from legato.http.agents.avatars import avatars
from legato.http.agents.permissions import permissions
from legato.http.agents.routes import agents
from legato.http.agents.tools import tools
from legato.http.application import Legato
from legato.http.auth.keys import keys
from legato.http.auth.oidc.routes import oidc
from legato.http.auth.sessions import sessions
from legato.http.chat import chat
from legato.http.conversations import conversations
from legato.http.description import openapi
from legato.http.gate import Gate
from legato.http.inspection.routes import jobs
from legato.http.monitoring.metrics import metrics
from legato.http.notices.routes import events
from legato.http.open import open_runtime
from legato.http.openai.chat_completions.completions import completions
from legato.http.openai.chat_completions.jobs import completion_jobs
from legato.http.openai.conversations.conversations import conversations as api_conversations
from legato.http.openai.conversations.items import conversation_items
from legato.http.openai.models import models
from legato.http.openai.responses.compaction import compaction
from legato.http.openai.responses.jobs import response_jobs
from legato.http.openai.responses.responses import responses
from legato.http.openai.responses.sockets import response_sockets
from legato.http.openapi import ABOUT, SECURITY, SECURITY_SCHEMES, Description
from legato.http.pages import pages
from legato.http.runtime import Runtime
from legato.http.search import search
from legato.http.steering.queue import queue
from legato.http.steering.steers import steering
from legato.secret import with_secret

BLUEPRINTS: Final = (
    *(agents, actions, avatars, permissions, tools),
    *(chat, events, jobs, queue, steering, completions, completion_jobs, conversations, search),
    *(keys, models),
    *(responses, response_jobs, response_sockets, compaction),
    *(api_conversations, conversation_items),
    *(pages, sessions, oidc, metrics),
)


def create_app(settings: Settings | None = None, runtime: Runtime | None = None) -> Legato:
    """The ASGI application.

    Without `settings`, the settings are read from the environment and `legato.toml`; without
    `runtime`, the ASGI lifespan opens a runtime.

    Raises:
        ConfigError: if a setting is wrong.
    """
    app = Legato(with_secret(settings or load_settings(os.environ)), runtime, open_runtime)
    QuartSchema(
        app,
        swagger_ui_path=None,  # loads scripts from elsewhere; ours is under /docs
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
    Gate(app).guard(app)
    return app
