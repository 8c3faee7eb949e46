"""A real server on a real port, what it runs on, and a model that tests can hold."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from functools import partial
from typing import Any

import trio
from msgspec.structs import replace

from legato.actors.job import Job
from legato.actors.lifespan import open_supervisor
from legato.actors.local_jobs import LocalJobs
from legato.actors.resources import JobResources
from legato.agents.run import AgentRuns
from legato.agents.tools.toolbox import open_toolbox
from legato.config import Limits, Settings
from legato.http.app import create_app
from legato.http.application import Legato
from legato.http.auth.key_ring import open_key_ring
from legato.http.auth.revoked import open_revocation_list
from legato.http.guards.chain import open_guards
from legato.http.open import DIALECTS, catalogue_of, quota_of
from legato.http.runtime import Runtime
from legato.http.server.server import GRACE, IDLE, serve_until
from legato.http.streams.direct import DirectBody
from legato.http.streams.served import ServedBody
from legato.http.streams.streaming import LastingBody
from legato.models.contract import FinishReport, Model, ModelEvent, ModelRequest
from legato.models.scripted import ScriptedModel
from legato.storage.open import open_storage
from tests.support.http.raw_client import SECRET, Server, Started
from tests.support.http.runtime import supervisor_of

SETTINGS = Settings(jwt_secret=SECRET, database_url="memory://", limits=Limits(drain_timeout=0.0))
Serve = Callable[..., AbstractAsyncContextManager["LiveServer"]]
"""`live_server`, for tests that are run for both ways of its streams."""

DEADLINE = 60.0  # seconds for a whole test: on a busy machine the slowest takes ten


class HeldModel(ScriptedModel):
    """Says its tokens at once, and does not end before it is let go."""

    def __init__(self) -> None:
        super().__init__("held", parameters={"rate": 0})
        self.let_go = trio.Event()

    @asynccontextmanager
    async def stream(
        self, request: ModelRequest
    ) -> AsyncIterator[AsyncIterator[Sequence[ModelEvent]]]:
        async with super().stream(request) as batches, aclosing(self._held(batches)) as held:
            yield held

    async def _held(
        self, batches: AsyncIterator[Sequence[ModelEvent]]
    ) -> AsyncGenerator[Sequence[ModelEvent], None]:
        async for batch in batches:
            if any(isinstance(event, FinishReport) for event in batch):
                await self.let_go.wait()
            yield batch


class LiveServer(Server):
    """In this process: its inside can be looked at."""

    def __init__(self, app: Legato, runtime: Runtime, port: int) -> None:
        super().__init__(port)
        self.app = app
        self.runtime = runtime
        self.stop = trio.Event()  # set it, and the server shuts down
        self.hurry = trio.Event()
        self.stopped = trio.Event()

    def let_go(self) -> None:
        """Have the generations of the model `held` end."""
        held = self.runtime.models["held"]
        assert isinstance(held, HeldModel)
        held.let_go.set()

    def job(self, started: Started) -> Job:
        job = supervisor_of(self.runtime).registry.find(started["generationId"])
        assert job is not None
        return job

    def readers(self, started: Started) -> int:
        """How many sinks the job pushes to."""
        return self.job(started).feed.readers


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what the kernel does and no event of ours tells."""
    while not condition():  # noqa: ASYNC110
        await trio.sleep(0.005)


def has_begun(body: LastingBody) -> bool:
    """Whether its job has given it anything."""
    if isinstance(body, DirectBody):
        return body._sink.seq > 0
    assert isinstance(body, ServedBody)
    return body._subscription._sink is not None


def kept_for(body: LastingBody) -> int:
    """How many bytes wait in this process for a body's reader."""
    if isinstance(body, DirectBody):
        return len(body._sink._rest)
    assert isinstance(body, ServedBody)
    return body._subscription._sink._waiting if body._subscription._sink else 0


@asynccontextmanager
async def live_server(
    settings: Settings = SETTINGS,
    *,
    grace: float = GRACE,
    idle: float = IDLE,
    direct: bool = True,
    http2: bool = False,
    host: str = "127.0.0.1",
    models: Sequence[Model] = (),
    **limits: Any,
) -> AsyncIterator[LiveServer]:
    """It stops, without grace, when the block ends; the whole block has a DEADLINE.

    `models`: beside `scripted` and `held`.
    """
    settings = replace(settings, http2=http2, limits=replace(settings.limits, **limits))
    with trio.fail_after(DEADLINE):
        async with _runtime(settings, models) as runtime, trio.open_nursery() as nursery:
            app = create_app(settings, runtime)
            listeners = await trio.open_tcp_listeners(0, host=host)
            server = LiveServer(app, runtime, listeners[0].socket.getsockname()[1])
            serve = partial(
                serve_until,
                server.stop.wait,
                app,
                listeners,
                hurry=server.hurry.wait,
                grace=grace,
                idle=idle,
                direct=direct,
            )
            nursery.start_soon(_serve, serve, server.stopped)
            yield server
            server.stop.set()
            server.hurry.set()
            await server.stopped.wait()


async def _serve(serve: Callable[[], Awaitable[None]], stopped: trio.Event) -> None:
    await serve()
    stopped.set()


@asynccontextmanager
async def _runtime(settings: Settings, others: Sequence[Model]) -> AsyncIterator[Runtime]:
    models: dict[str, Model] = {
        model.name: model for model in (ScriptedModel(), HeldModel(), *others)
    }
    async with (
        open_storage(settings.database_url, quota=quota_of(settings)) as storage,
        open_guards(settings, storage.records.bans) as guards,
        open_toolbox(settings) as toolbox,
        open_supervisor(
            JobResources(
                records=storage.records,
                models=models,
                dialects=DIALECTS,
                limits=settings.limits,
                runs=AgentRuns(models, toolbox),
            ),
            journal=storage.journal,
        ) as supervisor,
        open_key_ring(storage.records.api_keys) as key_ring,
        open_revocation_list(storage.records.revocations) as revoked,
    ):
        jobs = LocalJobs(supervisor)
        records = storage.records
        yield Runtime(
            *(settings, records, models, supervisor, jobs, key_ring, guards, revoked),
            catalogue_of(settings, records.agents, models),
            toolbox,
        )
