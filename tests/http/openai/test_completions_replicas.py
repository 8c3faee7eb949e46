"""A completion that runs at one replica, and its client at another."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from legato.actors.supervision import open_replica
from legato.config import Settings
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
from tests.http.openai.chunks import ASKED, DONE, PATH, asking, chunks_of, received

LEASE = 10.0


@pytest.fixture
async def both() -> AsyncIterator[tuple[Client, Client]]:
    settings, world = settings_with(), World()
    async with (
        open_storage(settings.database_url) as storage,
        opened(settings, storage.records, world, "here") as here,
        opened(settings, storage.records, world, "there") as there,
    ):
        yield here, there


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
        yield client_of(Runtime(settings, records, models, supervisor, jobs, key_ring, guards))


def client_of(runtime: Runtime) -> Client:
    return Client(create_app(runtime.settings, runtime), bearer("ann"))


async def test_it_is_followed_from_a_cursor_and_stopped(both: tuple[Client, Client]) -> None:
    here, there = both
    async with asking(here, stream=True, cancel_on_disconnect=False, **STILL) as connection:
        seen = chunks_of(await received(connection, '"w0 "'))
        job_id = dict(connection.headers or {})["x-legato-job"]
    stopped = await there.post(f"{PATH}/{job_id}/cancel", None)
    path = f"{PATH}/{job_id}/stream?after="
    missed = [
        chunks_of((await client.get(path + seen[-1].cursor)).text) for client in (here, there)
    ]
    beyond = await there.get(f"{path}{job_id}:1:999")

    assert (stopped.body["cancelled"], stopped.body["status"]) == (True, "stopped")
    assert stopped.body["completion"]["choices"][0]["message"]["content"] == "w0 "
    assert missed[0] == missed[1]
    assert missed[0][-1].data == DONE
    assert (beyond.status, beyond.body["error"]["code"]) == (400, "invalid_cursor")


async def test_the_same_key_joins_it(both: tuple[Client, Client]) -> None:
    here, there = (Client(each.app, each.headers | {"Idempotency-Key": "k"}) for each in both)
    whole = await here.post(PATH, ASKED)
    again = await there.post(PATH, ASKED)
    streamed = await there.post(PATH, ASKED | {"stream": True})

    assert again.body == whole.body
    assert again.headers["x-legato-job"] == streamed.headers["x-legato-job"]
    assert chunks_of(streamed.text)[-1].data == DONE
