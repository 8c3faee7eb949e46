"""A model whose every answer goes on word by word, as tests say."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

import trio

from legato.models.contract import FinishReport, ModelEvent, ModelRequest, TextChunk
from tests.support.http.runtime import AttentiveModel


class PacedModel(AttentiveModel):
    """Says `one `, and when it is let go `two `, and its end."""

    def __init__(self, name: str = "paced") -> None:
        super().__init__(name)
        self.let_go = trio.Event()

    @asynccontextmanager
    async def stream(
        self, request: ModelRequest
    ) -> AsyncIterator[AsyncIterator[Sequence[ModelEvent]]]:
        self.asked.append(request)
        async with aclosing(self._words()) as words:
            yield words

    async def _words(self) -> AsyncGenerator[Sequence[ModelEvent], None]:
        yield [TextChunk("one ")]
        await self.let_go.wait()
        yield [TextChunk("two ")]
        yield [FinishReport("stop")]
