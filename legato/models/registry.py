"""The models that can be asked, by name."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from legato.config import ModelSettings
from legato.models.contract import Model
from legato.models.scripted import ScriptedModel


@asynccontextmanager
async def open_models(settings: Mapping[str, ModelSettings]) -> AsyncIterator[Mapping[str, Model]]:
    yield {"scripted": ScriptedModel()}
