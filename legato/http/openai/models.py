"""The models that can be asked, as OpenAI's APIs list them."""

from typing import Final

from quart import Blueprint, Response
from quart_schema import tag_blueprint

from legato.http.errors import ModelNotFound
from legato.http.openai.replies import ModelObject, ModelsPage
from legato.http.openapi import describe
from legato.http.request_context import reply, runtime
from legato.http.runtime import Runtime

models = Blueprint("openai_models", __name__)
tag_blueprint(models, ["OpenAI"])

BUILT_IN: Final = "scripted"  # the provider of what is there without configuration


@models.get("/v1/models")
@models.get("/api/agents/v1/models")
@models.get("/v1/responses/models")  # LibreChat's, for clients of that API alone
@models.get("/api/agents/v1/responses/models")
@describe(ModelsPage)
async def every() -> Response:
    """The models that can be asked."""
    house = runtime()
    return reply(ModelsPage([_described(house, name) for name in house.models]))


@models.get("/v1/models/<path:model>")
@models.get("/api/agents/v1/models/<path:model>")
@describe(ModelObject, refusals=(404,))
async def one(model: str) -> Response:
    """One model, by its name, which may have slashes in it."""
    house = runtime()
    if model not in house.models:
        raise ModelNotFound(model, house.models)
    return reply(_described(house, model))


def _described(house: Runtime, name: str) -> ModelObject:
    configured = house.settings.models.get(name)
    provider = configured.provider if configured else BUILT_IN
    return ModelObject(id=name, root=name, name=name, provider=provider)
