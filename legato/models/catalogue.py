"""The `[models]` tables made into models, open for as long as the program runs."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import assert_never, cast

import trio

from legato.config import BUILT_IN_MODEL, ConfigError, ModelSettings
from legato.models.contract import Json, Model, ModelError
from legato.models.engine_requests import EngineModel
from legato.models.local import ENGINE_PARAMETERS, Engine, EngineUnavailable
from legato.models.openai import Endpoint, OpenAIModel, provider_client
from legato.models.scripted import FASTEST, ScriptedModel
from legato.models.weights import DEFAULT_CACHE, WeightsUnavailable, obtain_weights


@asynccontextmanager
async def open_models(
    settings: Mapping[str, ModelSettings],
    environment: Mapping[str, str],
    cache: Path = DEFAULT_CACHE,
    *,
    built_in: bool = True,
    scripted_rate: float = FASTEST,
) -> AsyncIterator[Mapping[str, Model]]:
    """All configured models by name; with `built_in` also the model that needs no configuration.

    `scripted_rate`: tokens per second that a request may ask of a scripted model.

    API keys are read from `environment`, here and once.  A `local` model without a file takes the
    demo's weights from `cache`, after a download if the weights are missing.
    Leaving the block closes connections and engines; no answer may be running by then.

    Raises:
        ConfigError: a table that cannot be used: which key, what was found, what is allowed; or the
        demo's weights are missing and cannot be downloaded.
    """
    async with AsyncExitStack() as stack:
        models: dict[str, Model] = {}
        if built_in:
            models[BUILT_IN_MODEL] = ScriptedModel(BUILT_IN_MODEL, fastest=scripted_rate)
        for name, table in settings.items():
            try:
                models[name] = await _open_model(
                    stack, name, table, environment, cache, scripted_rate
                )
            except ModelError as error:
                raise ConfigError(f"models.{name}.parameters: {error}") from error
            except (EngineUnavailable, WeightsUnavailable) as error:
                raise ConfigError(f"models.{name}: {error}") from error
        yield models


async def _open_model(
    stack: AsyncExitStack,
    name: str,
    table: ModelSettings,
    environment: Mapping[str, str],
    cache: Path,
    scripted_rate: float,
) -> Model:
    parameters = cast("Mapping[str, Json]", table.parameters)
    match table.provider:
        case "scripted":
            return ScriptedModel(
                name,
                max_context_tokens=table.max_context_tokens,
                parameters=parameters,
                fastest=scripted_rate,
            )
        case "openai":
            endpoint = Endpoint(table.base_url, _api_key(name, table, environment))
            return OpenAIModel(
                name,
                await stack.enter_async_context(provider_client(endpoint)),
                provider_name=table.model or name,
                max_context_tokens=table.max_context_tokens,
                parameters=parameters,
                returns_thoughts=table.returns_thoughts,
            )
        case "local":
            weights = await _weights(table, cache)
            engine = await trio.to_thread.run_sync(Engine, weights, table.max_context_tokens)
            stack.callback(engine.close)
            client = provider_client(engine.endpoint, trust_env=False)  # no proxy to ourselves
            return EngineModel(
                name,
                await stack.enter_async_context(client),
                provider_name=weights.stem,
                # The window holds the answer too; a quarter is kept for the answer.
                max_context_tokens=table.max_context_tokens * 3 // 4,
                parameters={**ENGINE_PARAMETERS, **parameters},
            )
        case _:
            assert_never(table.provider)


async def _weights(table: ModelSettings, cache: Path) -> Path:
    if table.model is not None:
        return Path(table.model)
    return await trio.to_thread.run_sync(lambda: obtain_weights(cache=cache))


def _api_key(name: str, table: ModelSettings, environment: Mapping[str, str]) -> str | None:
    """The key of a model.  Errors do not show the variable's name: people paste the key itself
    there."""
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
