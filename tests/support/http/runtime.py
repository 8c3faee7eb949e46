"""What the application runs on, for tests: the real thing, in memory, with models to look into."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from legato.actors.lifespan import open_supervisor
from legato.actors.local_jobs import LocalJobs
from legato.actors.resources import JobResources
from legato.actors.supervisor import Supervisor
from legato.agents.run import AgentRuns
from legato.agents.tools.toolbox import open_toolbox
from legato.config import Limits, Settings
from legato.http.app import create_app
from legato.http.auth.key_ring import open_key_ring
from legato.http.auth.revoked import open_revocation_list
from legato.http.guards.chain import open_guards
from legato.http.open import DIALECTS, catalogue_of, quota_of
from legato.http.runtime import Runtime
from legato.models.contract import Json, ModelEvent, ModelRequest
from legato.models.scripted import ScriptedModel
from legato.storage.clock import Clock, utc_now
from legato.storage.open import open_storage
from tests.support.http.client import SECRET, Client, bearer


class AttentiveModel(ScriptedModel):
    """A scripted model that keeps what it was asked.  A character is a token."""

    def __init__(
        self,
        name: str = "attentive",
        *,
        max_context_tokens: int = 8192,
        parameters: Mapping[str, Json] | None = None,
    ) -> None:
        super().__init__(name, max_context_tokens=max_context_tokens, parameters=parameters)
        self.asked: list[ModelRequest] = []

    def count_tokens(self, text: str) -> int:
        return len(text)

    @asynccontextmanager
    async def stream(
        self, request: ModelRequest
    ) -> AsyncIterator[AsyncIterator[Sequence[ModelEvent]]]:
        self.asked.append(request)
        async with super().stream(request) as batches:
            yield batches

    def read(self) -> list[str]:
        """What it was given to read last."""
        return [message.text for message in self.asked[-1].messages]


def settings_with(limits: Limits | None = None, **values: Any) -> Settings:
    return Settings(
        jwt_secret=SECRET, database_url="memory://", limits=limits or Limits(), **values
    )


@asynccontextmanager
async def open_house(
    settings: Settings, *models: ScriptedModel, clock: Clock = utc_now
) -> AsyncIterator[Runtime]:
    """`clock` is the storage's and the guards'."""
    table = {model.name: model for model in (ScriptedModel(), *models)}
    async with (
        open_storage(settings.database_url, clock=clock, quota=quota_of(settings)) as storage,
        open_guards(settings, storage.records.bans, clock=clock) as guards,
        open_toolbox(settings, storage.records.actions) as toolbox,
        open_supervisor(
            JobResources(
                records=storage.records,
                models=table,
                dialects=DIALECTS,
                limits=settings.limits,
                runs=AgentRuns(table, toolbox),
            ),
            journal=storage.journal,
        ) as supervisor,
        open_key_ring(storage.records.api_keys) as key_ring,
        open_revocation_list(storage.records.revocations) as revoked,
    ):
        jobs = LocalJobs(supervisor)
        catalogue = catalogue_of(settings, storage.records.agents, table)
        yield Runtime(
            *(settings, storage.records, table, supervisor, jobs, key_ring, guards, revoked),
            catalogue,
            toolbox,
        )


@asynccontextmanager
async def open_client(
    *models: ScriptedModel, limits: Limits | None = None, **values: Any
) -> AsyncIterator[Client]:
    """A user of a house of its own, with these models beside `scripted`, and these settings."""
    settings = settings_with(limits, **values)
    async with open_house(settings, *models) as house:
        yield Client(create_app(settings, house), bearer("ann"))


def supervisor_of(runtime: Runtime | None) -> Supervisor:
    """The supervisor itself, of which the server and its routes see less."""
    assert runtime is not None
    assert isinstance(runtime.supervisor, Supervisor)
    return runtime.supervisor
