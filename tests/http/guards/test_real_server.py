"""The address of a real connection counts."""

from datetime import timedelta

from legato.storage.clock import utc_now
from legato.storage.contracts.bans import Ban
from tests.support.http.live_server import live_server


async def test_whoever_connects_from_a_banned_address_is_turned_away() -> None:
    forged = ("X-Forwarded-For", "192.0.2.1")
    async with live_server() as server:
        until = utc_now() + timedelta(hours=1)
        await server.runtime.records.bans.ban(
            [Ban(subject="ip:127.0.0.1", kind="manual", until=until)]
        )
        async with await server.connect() as client:
            found = []
            for path in ("/api/convos", "/healthz"):
                await client.ask("GET", path, forged)
                found.append((await client.head()).status_code)
                await client.body()

    assert found == [403, 200]
