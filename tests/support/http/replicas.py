"""Two replicas in this process, and a client at each."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from legato.actors.cluster.lifespan import open_replica
from legato.actors.resources import JobResources
from legato.agents.run import AgentRuns
from legato.agents.tools.contract import NoTools
from legato.config import Limits, Settings
from legato.http.app import create_app
from legato.http.auth.key_ring import open_key_ring
from legato.http.auth.revoked import open_revocation_list
from legato.http.guards.chain import open_guards
from legato.http.open import DIALECTS, catalogue_of, quota_of
from legato.http.runtime import Runtime
from legato.models.contract import Model
from legato.models.scripted import ScriptedModel
from legato.storage.contracts.records import Records
from legato.storage.memory.replication import MemoryReplication
from legato.storage.memory.shared_memory import SharedMemory
from legato.storage.open import open_storage
from tests.support.http.client import Client, bearer
from tests.support.http.runtime import settings_with
from tests.support.openai.asked import scripted

LEASE: Final = 10.0  # seconds


@asynccontextmanager
async def two_replicas(limits: Limits | None = None) -> AsyncIterator[tuple[Client, Client]]:
    """Ann at each; their models are `scripted`, and those of `asked.SCRIPTS`."""
    settings, world = settings_with(limits), SharedMemory()
    async with (
        open_storage(settings.database_url, quota=quota_of(settings)) as storage,
        opened(settings, storage.records, world, "here") as here,
        opened(settings, storage.records, world, "there") as there,
    ):
        yield here, there


@asynccontextmanager
async def opened(
    settings: Settings, records: Records, world: SharedMemory, me: str
) -> AsyncIterator[Client]:
    models: dict[str, Model] = {each.name: each for each in (ScriptedModel(), *scripted())}
    async with (
        open_guards(settings, records.bans) as guards,
        open_key_ring(records.api_keys) as key_ring,
        open_revocation_list(records.revocations) as revoked,
        open_replica(
            MemoryReplication(world, lease=LEASE, me=me),
            JobResources(
                records=records,
                models=models,
                dialects=DIALECTS,
                limits=settings.limits,
                runs=AgentRuns(models, NoTools()),
            ),
            lease=LEASE,
            on_owner_lost="seal",
        ) as replica,
    ):
        supervisor, jobs = replica.supervisor, replica.jobs
        yield client_of(
            Runtime(
                *(settings, records, models, supervisor, jobs, key_ring, guards, revoked),
                catalogue_of(settings, records.agents, models),
            )
        )


def client_of(runtime: Runtime) -> Client:
    return Client(create_app(runtime.settings, runtime), bearer("ann"))
