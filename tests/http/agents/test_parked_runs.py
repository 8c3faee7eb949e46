"""A run that waits is parked by a real process, killed with it, and answered in the next one."""

import re
import signal
import sys
from pathlib import Path
from typing import Final

from tests.http.agents.test_killed_runs import ending, outputs_in
from tests.support.http.raw_client import START, Server
from tests.support.http.server_process import legato_serve
from tests.support.mcp.running import SERVER, Counts

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
