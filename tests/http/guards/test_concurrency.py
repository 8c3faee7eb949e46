"""A user's running generations are counted over all replicas, and none is counted for ever."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from legato.actors.supervision import open_replica
from legato.config import Limits, Settings
from legato.http.app import create_app
from legato.http.guards.chain import open_guards
from legato.http.key_ring import open_key_ring
from legato.http.runtime import DIALECTS, Runtime
from legato.models.scripted import ScriptedModel
from legato.storage.contract import Records
from legato.storage.memory_replication import MemoryReplication, World
from legato.storage.records import open_storage
from tests.http.client import STILL, Client, bearer
from tests.http.house import settings_with

LEASE = 10.0


@asynccontextmanager
async def opened(
    settings: Settings, records: Records, world: World, me: str
) -> AsyncIterator[Client]:
    models = {"scripted": ScriptedModel()}
    async with (
        open_guards(settings, records.bans) as guards,
        open_key_ring(records.api_keys) as key_ring,
        open_replica(
            MemoryReplication(world, lease=LEASE, me=me),
            records=records,
            models=models,
            dialects=DIALECTS,
            limits=settings.limits,
            lease=LEASE,
            on_owner_lost="seal",
        ) as replica,
    ):
        supervisor, jobs = replica.supervisor, replica.jobs
        house = Runtime(settings, records, models, supervisor, jobs, key_ring, guards)
        yield Client(create_app(settings, house), bearer("ann"))


async def test_another_replicas_generations_count_as_long_as_they_run() -> None:
    settings, world = settings_with(Limits(max_running_jobs_per_user=1)), World()
    async with (
        open_storage(settings.database_url) as storage,
        opened(settings, storage.records, world, "here") as here,
        opened(settings, storage.records, world, "there") as there,
    ):
        started = await here.start(model_parameters=STILL)
        refused = [await there.try_start() for _ in range(3)]
        await there.post("/api/agents/chat/abort", {"streamId": started["streamId"]})
        after = await there.try_start()

    assert [reply.status for reply in refused] == [429, 429, 429]
    assert [reply.body["pendingRequests"] for reply in refused] == [2, 2, 2]
    assert (refused[0].body["type"], refused[0].body["limit"]) == ("concurrent", 1)
    assert after.status == 200
