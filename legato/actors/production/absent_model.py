"""The model of a turn that waited while the model was taken out of the configuration."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final, Self

import trio

from legato.models.contract import Json, Model, ModelError, ModelEvent, ModelRequest


class AbsentModel:
    """Fails and says why: a question meant for this model goes to no other model."""

    max_context_tokens: Final = 0
    writes_titles: Final = False
    continues: Final = False
    reads_images: Final = False

    def __init__(self, name: str) -> None:
        self.name: Final = name

    def count_tokens(self, text: str) -> int:
        """None is ever sent."""
        return 0

    def check(self, parameters: Mapping[str, Json]) -> None:
        """Accept any parameters: nobody knows any more that ones the model took."""

    @asynccontextmanager
    async def stream(
        self, request: ModelRequest
    ) -> AsyncIterator[AsyncIterator[Sequence[ModelEvent]]]:
        await trio.lowlevel.checkpoint()
        yield _Gone(self.name)


class _Gone:
    """A stream with an error in place of the first batch."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Sequence[ModelEvent]:
        await trio.lowlevel.checkpoint()
        raise ModelError("provider_rejected", f"The model {self._name} is not configured any more.")


def model_named(models: Mapping[str, Model], name: str) -> Model:
    """The configured model, or a stand-in for one that is gone."""
    return models.get(name) or AbsentModel(name)
