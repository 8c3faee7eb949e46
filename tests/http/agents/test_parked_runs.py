"""A run that waits is parked by a real process, killed with it, and answered in the next one."""

import re
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.http.agents.test_killed_runs import ending, outputs_in
from tests.http.test_replicas import two
from tests.support.http.raw_client import START, Server
from tests.support.http.server_process import legato_serve
from tests.support.mcp.running import SERVER, Counts
from tests.support.storage.postgres import postgres
from tests.support.storage.redis_servers import RedisServer

CONFIG: Final = """
[limits]
park_after = 0.05

[mcp.odd]
command = "{python}"
args = ["{server}", "{counts}"]

[agents.helper]
model = "scripted"
tools = ["echo_mcp_odd"]
approval = {{ "*" = "ask" }}

[agents.helper.parameters]
rate = 0
script = [
    {{ calls = [{{ name = "echo_mcp_odd", arguments = {{ text = "once" }} }}] }},
    {{ text = "Done." }},
]
"""

PARKED: Final = re.compile(rb'^legato_jobs{.*state="parked".*} 1\.0$', re.MULTILINE)


async def until_it_asks(server: Server) -> tuple[str, str]:
    """Start a run; return its id and its conversation's once the run waits."""
    async with await server.connect() as client:
        started = await client.json("POST", START, {"text": "Go.", "agent_id": "helper"})
    async with await server.connect() as client:
        await client.follow(started["generationId"])
        while b"on_pending_action" not in (await client.frame() or b""):
            pass
    return started["generationId"], started["conversationId"]


async def until_parked(server: Server) -> None:
    """Read the process's own count: a question to the run itself would keep it awake."""
    while True:
        async with await server.connect() as client:
            client.host = "127.0.0.1"
            await client.ask("GET", "/metrics")
            assert (await client.head()).status_code == 200
            if PARKED.search(await client.body()):
                return


async def test_a_parked_run_outlives_a_killed_process_and_its_tool_runs_once(
    tmp_path: Path,
) -> None:
    counts = Counts(tmp_path)
    text = CONFIG.format(python=sys.executable, server=SERVER, counts=counts.path)
    (tmp_path / "legato.toml").write_text(text)
    async with legato_serve(tmp_path, EXTRAS="mcp") as server:
        generation, conversation = await until_it_asks(server)
        await until_parked(server)
        server.send(signal.SIGKILL)
        await server.exit()
    assert counts.of("echo") == 0
    async with legato_serve(tmp_path, EXTRAS="mcp") as server:
        await until_parked(server)
        answer = {"conversationId": conversation, "decisions": [{"decision": "approve"}]}
        async with await server.connect() as client:
            first = await client.json("POST", f"{START}/resume", answer)
        final = await ending(server, generation)

    assert first["status"] == "resuming"
    assert outputs_in(final) == ["once"]
    assert "failed" not in final
    assert counts.of("echo") == 1


@contextmanager
def variables_of(database: str) -> Iterator[Mapping[str, str]]:
    """For two replicas: on PostgreSQL, or on the file that they have without variables."""
    if database == "sqlite":
        yield {}
        return
    with postgres() as server, server.database() as url:
        yield {"LEGATO_DATABASE_URL": url}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_a_parked_run_of_a_killed_replica_is_answered_at_another_one(
    tmp_path: Path, own_redis: RedisServer, database: str
) -> None:
    counts = Counts(tmp_path)
    text = CONFIG.format(python=sys.executable, server=SERVER, counts=counts.path)
    with variables_of(database) as variables:
        async with two(tmp_path, own_redis, text, EXTRAS="mcp", **variables) as (owner, other):
            generation, conversation = await until_it_asks(owner)
            await until_parked(owner)
            owner.send(signal.SIGKILL)
            await owner.exit()
            await until_parked(other)
            answer = {"conversationId": conversation, "decisions": [{"decision": "approve"}]}
            replies = []
            for _ in range(2):
                async with await other.connect() as client:
                    replies.append(await client.json("POST", f"{START}/resume", answer))
            final = await ending(other, generation)

    assert [reply["status"] for reply in replies] == ["resuming", "resuming"]
    assert outputs_in(final) == ["once"]
    assert "failed" not in final
    assert counts.of("echo") == 1
