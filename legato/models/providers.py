"""Models that are asked over HTTP: a provider's, and the engine that runs on this machine."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import cast

import trio

from legato.config import ConfigError, ModelSettings
from legato.models.contract import Json, Model
from legato.models.local.engine import ENGINE_PARAMETERS, EngineUnavailable
from legato.models.local.process import open_engine as engine_process
from legato.models.local.requests import EngineModel
from legato.models.local.weights import WeightsUnavailable, obtain_weights
from legato.models.openai import Endpoint, OpenAIModel, provider_client


@asynccontextmanager
async def open_provider(
    name: str, table: ModelSettings, environment: Mapping[str, str]
) -> AsyncIterator[Model]:
    """Raises ConfigError where the table's key is not in the environment."""
    endpoint = Endpoint(table.base_url, _api_key(name, table, environment))
    async with provider_client(endpoint) as client:
        yield OpenAIModel(
            name,
            client,
            provider_name=table.model or name,
            max_context_tokens=table.max_context_tokens,
            parameters=cast("Mapping[str, Json]", table.parameters),
            returns_thoughts=table.returns_thoughts,
            reads_images=table.reads_images,
        )


@asynccontextmanager
async def open_engine(name: str, table: ModelSettings, cache: Path) -> AsyncIterator[Model]:
    """Raises ConfigError where the engine or its weights cannot be had."""
    async with AsyncExitStack() as stack:
        try:
            weights = await _weights(table, cache)
            engine = await stack.enter_async_context(
                engine_process(weights, table.max_context_tokens)
            )
        except (EngineUnavailable, WeightsUnavailable) as error:
            raise ConfigError(f"models.{name}: {error}") from error
        yield EngineModel(
            name,
            engine.client,
            provider_name=weights.stem,
            # The window holds the answer too; a quarter is kept for the answer.
            max_context_tokens=table.max_context_tokens * 3 // 4,
            parameters={**ENGINE_PARAMETERS, **cast("Mapping[str, Json]", table.parameters)},
            reads_images=False,
        )


async def _weights(table: ModelSettings, cache: Path) -> Path:
    if table.model is not None:
        return Path(table.model)
    return await trio.to_thread.run_sync(lambda: obtain_weights(cache=cache))


def _api_key(name: str, table: ModelSettings, environment: Mapping[str, str]) -> str | None:
    """The variable's name is not shown: people paste the key itself there."""
    if table.api_key_env is None:
        return None
    key = environment.get(table.api_key_env, "").strip()
    if not key:
        raise ConfigError(
            f"models.{name}.api_key_env: the environment variable it names is not set;"
            " allowed: the name of a variable that holds the key"
        )
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(
            f"models.{name}.api_key_env: the variable it names holds what no HTTP header can"
            " carry; allowed: printable ASCII"
        )
    return key
