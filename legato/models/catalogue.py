"""The `[models]` tables made into models, open for as long as the program runs."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import assert_never, cast

from legato.config import BUILT_IN_MODEL, ConfigError, ModelSettings
from legato.models.contract import Json, Model, ModelError
from legato.models.local.weights import DEFAULT_CACHE
from legato.models.scripted import FASTEST, ScriptedModel


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
        yield models


async def _open_model(
    stack: AsyncExitStack,
    name: str,
    table: ModelSettings,
    environment: Mapping[str, str],
    cache: Path,
    scripted_rate: float,
) -> Model:
    """An HTTP client, and all that reads a provider's stream, is imported where one is asked."""
    match table.provider:
        case "scripted":
            return ScriptedModel(
                name,
                max_context_tokens=table.max_context_tokens,
                parameters=cast("Mapping[str, Json]", table.parameters),
                fastest=scripted_rate,
            )
        case "openai":
            from legato.models.providers import open_provider

            return await stack.enter_async_context(open_provider(name, table, environment))
        case "local":
            from legato.models.providers import open_engine

            return await stack.enter_async_context(open_engine(name, table, cache))
        case _:
            assert_never(table.provider)
