"""The model of a turn that waited while the model was taken out of the configuration."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

import trio

from legato.models.contract import Json, ModelError, ModelEvent, ModelRequest
from legato.models.counting import estimate_tokens

MOST_TOKENS: Final = 1_000_000
"""How much history is read for it; nobody sees that history."""


class AbsentModel:
    """Fails and says why: no other model is asked what was meant for this one."""

    max_context_tokens: Final = MOST_TOKENS
    writes_titles: Final = False
    continues: Final = False

    def __init__(self, name: str) -> None:
        self.name: Final = name

    def count_tokens(self, text: str) -> int:
        return estimate_tokens(text)

    def check(self, parameters: Mapping[str, Json]) -> None:
        """Take any: what they are to be, nobody knows any more."""

    @asynccontextmanager
    async def stream(
        self, request: ModelRequest
    ) -> AsyncIterator[AsyncIterator[Sequence[ModelEvent]]]:
        await trio.lowlevel.checkpoint()
        yield _gone(self.name)


async def _gone(name: str) -> AsyncIterator[Sequence[ModelEvent]]:
    await trio.lowlevel.checkpoint()
    raise ModelError("provider_rejected", f"The model {name} is not configured any more.")
    yield ()
