"""The provider of all replicas, with the requests that are open at the moment."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from itertools import count

import trio

from legato.models.contract import (
    FinishReport,
    Json,
    ModelError,
    ModelEvent,
    ModelRequest,
)

Batch = Sequence[ModelEvent] | ModelError


class ProviderConnection:
    """A replica's connection to the provider, for one job."""

    def __init__(self, replica: str, request: ModelRequest) -> None:
        self.replica = replica
        self.job_id = str(request.parameters["job"])
        self.conversation = str(request.parameters["conversation"])
        self.request = request
        self.has_tools = "tools" in request.parameters  # whether an agent asks
        self.said: list[ModelEvent] = []
        self.has_finished = False
        self.send, self.receive = trio.open_memory_channel[Batch](9999)

    def play(self, batch: Batch) -> None:
        """Send the batch, unless a former batch ended the connection."""
        if self.has_finished:
            return
        self.has_finished = isinstance(batch, ModelError) or isinstance(batch[-1], FinishReport)
        if not isinstance(batch, ModelError):
            self.said += batch
        self.send.send_nowait(batch)


class SimulatedProvider:
    """Knows every connection, open or closed."""

    def __init__(self) -> None:
        self.connections: list[ProviderConnection] = []
        self.former: list[ProviderConnection] = []  # every connection, in the order of opening
        self.opening: Callable[[ProviderConnection], None] = lambda connection: None
        self.asked: Callable[[ProviderConnection], None] = lambda connection: None
        self.asked_in_part: Callable[[str], None] = lambda replica: None
        self._words = count(1)

    def open_for(self, conversation: str) -> Sequence[ProviderConnection]:
        return [each for each in self.connections if each.conversation == conversation]

    def word(self) -> str:
        """Make a word that is never repeated, so that every word shows which connection said the
        word."""
        return f"w{next(self._words)} "

    def say(self, job_id: str, *batch: ModelEvent) -> None:
        self._play(job_id, batch)

    def finish(self, job_id: str) -> None:
        self._play(job_id, [FinishReport("stop")])

    def fail(self, job_id: str) -> None:
        self._play(job_id, ModelError("provider_error", "The provider fell over."))

    def finish_all(self) -> None:
        for each in self.connections:
            self.finish(each.job_id)

    def _play(self, job_id: str, batch: Batch) -> None:
        for each in self.connections:
            if each.job_id == job_id:
                each.play(batch)


class ProvidedModel:
    """The provider as a replica's model."""

    name = "played"
    max_context_tokens = 1000
    writes_titles = False
    continues = True
    reads_images = True

    def __init__(self, provider: SimulatedProvider, replica: str) -> None:
        self._provider = provider
        self._replica = replica

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def check(self, parameters: Mapping[str, Json]) -> None:
        pass

    @asynccontextmanager
    async def stream(
        self, request: ModelRequest
    ) -> AsyncIterator[AsyncIterator[Sequence[ModelEvent]]]:
        if "job" not in request.parameters:
            self._provider.asked_in_part(self._replica)
            raise ModelError("provider_error", "The model was asked without its parameters.")
        connection = ProviderConnection(self._replica, request)
        self._provider.connections.append(connection)
        self._provider.former.append(connection)
        self._provider.opening(connection)
        self._provider.asked(connection)
        try:
            async with aclosing(_batches(connection)) as batches:
                yield batches
        finally:
            self._provider.connections.remove(connection)


async def _batches(connection: ProviderConnection) -> AsyncGenerator[Sequence[ModelEvent], None]:
    async for batch in connection.receive:
        if isinstance(batch, ModelError):
            raise batch
        yield batch
        if any(isinstance(chunk, FinishReport) for chunk in batch):
            return
