"""The list of models and agents in OpenAI's APIs."""

from typing import Final

from msgspec.structs import replace
from quart import Blueprint, Response
from quart_schema import tag_blueprint

from legato.agents.catalogue import ConfiguredAgent
from legato.agents.errors import AgentForbidden, NoSuchAgent
from legato.agents.permissions import principals_of
from legato.http.errors import ModelNotFound
from legato.http.openai.replies import ModelObject, ModelsPage
from legato.http.openapi import describe
from legato.http.request_context import reply, runtime, user
from legato.http.runtime import Runtime
from legato.storage.contracts.agents import VIEW, AgentQuery

models = Blueprint("openai_models", __name__)
tag_blueprint(models, ["OpenAI"])

BUILT_IN: Final = "scripted"  # the provider of the models that need no configuration
PROVIDER: Final = "agents"
OURS: Final = "legato"

MOST: Final = 1000
"""Agents beside the models; further agents are in the list of agents, page by page."""


@models.get("/v1/models")
@models.get("/api/agents/v1/models")
@models.get("/v1/responses/models")  # LibreChat's, for clients of that API alone
@models.get("/api/agents/v1/responses/models")
@describe(ModelsPage)
async def every() -> Response:
    """The models, and your usable agents, which are asked like models."""
    current = runtime()
    known = [_described(current, name) for name in current.models]
    return reply(ModelsPage([*known, *await _agents(current)]))


@models.get("/v1/models/<path:model>")
@models.get("/api/agents/v1/models/<path:model>")
@describe(ModelObject, refusals=(404,))
async def one(model: str) -> Response:
    """A model or an agent by name; names may have slashes."""
    current = runtime()
    if model in current.models:
        return reply(_described(current, model))
    catalogue = current.catalogue
    if (configured := catalogue.configured.get(model)) and configured.is_visible(user()):
        return reply(_configured(configured))
    try:
        agent = (await catalogue.allowed(model, user(), VIEW)).agent
    except (NoSuchAgent, AgentForbidden):
        raise ModelNotFound(model, current.models) from None
    shown = _agent(agent.id, agent.state.name, agent.state.description, agent.author)
    return reply(replace(shown, created=int(agent.created_at.timestamp())))


async def _agents(current: Runtime) -> list[ModelObject]:
    principals = principals_of(user())
    page = await current.catalogue.stored.page(principals, AgentQuery(), limit=MOST)
    stored = [_agent(each.id, each.name, each.description, each.author) for each in page.agents]
    return [*map(_configured, current.catalogue.visible(user())), *stored]


def _configured(agent: ConfiguredAgent) -> ModelObject:
    return _agent(agent.name, agent.state.name, agent.state.description, OURS)


def _agent(agent_id: str, name: str, description: str, author: str) -> ModelObject:
    """`owned_by` names the caller as author, and no other author."""
    return ModelObject(
        id=agent_id,
        root=agent_id,
        name=name or agent_id,
        description=description or None,
        provider=PROVIDER,
        owned_by=author if author == user() else OURS,
    )


def _described(current: Runtime, name: str) -> ModelObject:
    configured = current.settings.models.get(name)
    provider = configured.provider if configured else BUILT_IN
    return ModelObject(id=name, root=name, name=name, provider=provider)
