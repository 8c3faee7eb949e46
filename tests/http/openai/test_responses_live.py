"""Responses over real sockets: cut at every number and gone on with, and through a SIGKILL."""

import json
import signal
from pathlib import Path
from typing import Any, Final

import trio

from legato.models.scripted import ScriptedModel
from tests.support.http.live_server import Serve
from tests.support.http.raw_client import RawClient, Server, data_of
from tests.support.http.server_process import legato_serve
from tests.support.openai.asked import PATH, events_of, valid

RICH: Final = {"tokens": 6, "rate": 300, "reasoning": 2, "tool_calls": 1}
SEEN: Final = 12  # events before the process is killed


async def begin(client: RawClient, model: str) -> None:
    body = {"model": model, "input": "Hi", "background": True, "stream": True}
    await client.ask("POST", PATH, body=json.dumps(body).encode())
    assert (await client.head()).status_code == 200


async def frames(client: RawClient, count: int | None = None) -> list[bytes]:
    """With all their bytes: as many, or all to the clean end."""
    found: list[bytes] = []
    while len(found) != count and (frame := await client.frame()) is not None:
        found.append(frame)
    return found


async def followed(server: Server, response_id: str, after: int | None = None) -> list[bytes]:
    place = "" if after is None else f"&starting_after={after}"
    async with await server.connect() as client:
        await client.ask("GET", f"{PATH}/{response_id}?stream=true{place}")
        assert (await client.head()).status_code == 200
        return await frames(client)


async def test_cut_at_every_number_and_gone_on_with_it_is_the_same_stream(serve: Serve) -> None:
    async def cut_after(number: int) -> None:
        async with await server.connect() as client:
            await begin(client, "rich")
            seen = await frames(client, number + 1)
        response_id = data_of(seen[0])["response"]["id"]
        rest = await followed(server, response_id, after=number)

        assert seen + rest == await followed(server, response_id)
        assert len(seen + rest) == count
        assert events_of(b"".join(seen + rest))[-1]["response"]["status"] == "completed"

    model = ScriptedModel("rich", parameters=RICH)
    async with serve(models=[model], max_running_jobs_per_user=100) as server:
        async with await server.connect() as client:
            await begin(client, "rich")
            count = len(await frames(client))
        async with trio.open_nursery() as nursery:
            for number in range(count - 1):  # `[DONE]` has none
                nursery.start_soon(cut_after, number)


async def test_one_whose_process_was_killed_has_failed_and_is_told_from_every_number(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path}/legato.db"
    async with (
        legato_serve(tmp_path, LEGATO_DATABASE_URL=url) as server,
        await server.connect() as client,
    ):
        await begin(client, "scripted")
        seen = await frames(client, SEEN)
        await trio.sleep(0.5)  # for the journal to have these frames
        server.send(signal.SIGKILL)
        await server.exit()
    response_id = data_of(seen[0])["response"]["id"]
    async with legato_serve(tmp_path, LEGATO_DATABASE_URL=url) as server:
        whole = await followed(server, response_id)
        rests = [await followed(server, response_id, number) for number in range(len(whole) - 1)]
        async with await server.connect() as client:
            resource: dict[str, Any] = valid(await client.json("GET", f"{PATH}/{response_id}"))
            again = await client.json("POST", f"{PATH}/{response_id}/cancel")
            body = {"model": "scripted", "input": "?", "previous_response_id": response_id}
            await client.json("POST", PATH, body | {"background": True})
    final = events_of(b"".join(whole))[-1]

    assert whole[:SEEN] == seen
    assert rests == [whole[number + 1 :] for number in range(len(whole) - 1)]
    assert final["type"] == "response.failed"
    assert (resource["status"], resource["error"]["code"]) == ("failed", "server_restart")
    assert final["response"] == resource == again
