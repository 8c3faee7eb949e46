"""Models that are asked over HTTP: a provider's, and the engine that runs on this machine."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import trio

from legato.config import ConfigError, ModelSettings
from legato.models.contract import Json, Model
from legato.models.engine_requests import EngineModel
from legato.models.local import ENGINE_PARAMETERS, Engine, EngineUnavailable
from legato.models.openai import Endpoint, OpenAIModel, provider_client
from legato.models.weights import WeightsUnavailable, obtain_weights


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
        )


@asynccontextmanager
async def open_engine(name: str, table: ModelSettings, cache: Path) -> AsyncIterator[Model]:
    """Raises ConfigError where the engine or its weights cannot be had."""
    engine, weights = await _start_engine(name, table, cache)
    try:
        # No proxy stands between this process and itself.
        async with provider_client(engine.endpoint, trust_env=False) as client:
            yield EngineModel(
                name,
                client,
                provider_name=weights.stem,
                # The window holds the answer too; a quarter is kept for it.
                max_context_tokens=table.max_context_tokens * 3 // 4,
                parameters={**ENGINE_PARAMETERS, **cast("Mapping[str, Json]", table.parameters)},
            )
    finally:
        engine.close()


async def _start_engine(name: str, table: ModelSettings, cache: Path) -> tuple[Engine, Path]:
    try:
        weights = await _weights(table, cache)
        engine = await trio.to_thread.run_sync(Engine, weights, table.max_context_tokens)
    except (EngineUnavailable, WeightsUnavailable) as error:
        raise ConfigError(f"models.{name}: {error}") from error
    return engine, weights


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
