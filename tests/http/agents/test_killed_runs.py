"""The process is killed at any moment of a run, and no finished call of a tool is made again.

The MCP server's own count of calls is the witness.
"""

import json
import os
import random
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
import trio

from legato.agents.tool_run import UNKNOWN
from tests.support.http.live_server import until
from tests.support.http.raw_client import START, Cut, Server
from tests.support.http.server_process import legato_serve
from tests.support.mcp.running import SERVER, Counts, by_http

ROUNDS: Final = int(os.environ.get("KILLS", "3"))
CALLS: Final = 3
TEXT: Final = "One two three four five. "

CONFIG: Final = """
on_owner_lost = "continue"

[mcp.odd]
command = "{python}"
args = ["{server}", "{counts}"]

[agents.helper]
model = "scripted"
tools = ["echo_mcp_odd"]

[agents.helper.parameters]
rate = 15
script = [{script}]
"""


def script() -> str:
    call = '{{ name = "echo_mcp_odd", arguments = {{ text = "{}" }} }}'
    entries = [f'{{ text = "{TEXT}", calls = [{call.format(number)}] }}' for number in range(CALLS)]
    return ", ".join([*entries, f'{{ text = "{TEXT}" }}'])


def written(folder: Path, counts: Counts) -> None:
    text = CONFIG.format(python=sys.executable, server=SERVER, counts=counts.path, script=script())
    (folder / "legato.toml").write_text(text)


@pytest.mark.timeout(600)
async def test_a_killed_process_makes_no_finished_call_again(tmp_path: Path) -> None:
    chance = random.Random(os.environ.get("KILLS_SEED", "7"))
    for number in range(ROUNDS):
        folder = tmp_path / str(number)
        folder.mkdir()
        counts = Counts(folder)
        written(folder, counts)
        final = await killed_once(folder, counts, chance.uniform(0.0, 1.6))

        outputs = outputs_in(final)
        known = [output for output in outputs if output != UNKNOWN]
        assert "failed" not in final, final
        assert len(outputs) == CALLS
        assert known == [str(index) for index in range(CALLS) if outputs[index] != UNKNOWN]
        assert len(known) <= counts.of("echo") <= CALLS
        assert CALLS - len(known) <= 1  # the call that ran when the process was killed


TASK_CONFIG: Final = """
on_owner_lost = "continue"

[mcp.odd]
url = "{url}"

[agents.helper]
model = "scripted"
tools = ["task_mcp_odd"]

[agents.helper.parameters]
rate = 0
script = [
    {{ calls = [{{ name = "task_mcp_odd", arguments = {{ text = "plain" }} }}] }},
    {{ text = "Done." }},
]
"""


async def test_a_killed_process_leaves_its_task_to_the_next(tmp_path: Path) -> None:
    counts = Counts(tmp_path)
    with by_http(counts) as settings:
        (tmp_path / "legato.toml").write_text(TASK_CONFIG.format(url=settings.url))
        async with legato_serve(tmp_path, EXTRAS="mcp") as server:
            started = await begun(server)
            await until(lambda: counts.of("poll plain-1") >= 1)
            server.send(signal.SIGKILL)
            await server.exit()
        asked_before = counts.of("poll plain-1")
        async with legato_serve(tmp_path, EXTRAS="mcp") as server:
            await until(lambda: counts.of("poll plain-1") > asked_before)
            counts.add("finish")
            final = await ending(server, started)

    assert outputs_in(final) == ["plain is done"]
    assert "failed" not in final
    assert counts.of("task") == 1


async def test_a_stop_cancels_the_task_of_a_call(tmp_path: Path) -> None:
    counts = Counts(tmp_path)
    with by_http(counts) as settings:
        (tmp_path / "legato.toml").write_text(TASK_CONFIG.format(url=settings.url))
        async with legato_serve(tmp_path, EXTRAS="mcp") as server:
            started = await begun(server)
            await until(lambda: counts.of("poll plain-1") >= 1)
            async with await server.connect() as client:
                reply = await client.json("POST", f"{START}/abort", {"abortKey": started})

    assert reply["success"]
    assert counts.of("cancel plain-1") == 1


async def killed_once(folder: Path, counts: Counts, after: float) -> dict[str, Any]:
    """Kill the server so many seconds after a start; return the ending that the next one gives."""
    async with legato_serve(folder, EXTRAS="mcp") as server:
        started = await begun(server)
        await trio.sleep(after)
        server.send(signal.SIGKILL)
        await server.exit()
    async with legato_serve(folder, EXTRAS="mcp") as server:
        return await ending(server, started)


def outputs_in(final: dict[str, Any]) -> list[str]:
    parts = final["responseMessage"]["content"]
    return [part["tool_call"]["output"] for part in parts if part["type"] == "tool_call"]


async def begun(server: Server) -> str:
    body = {"text": "Go.", "agent_id": "helper"}
    async with await server.connect() as client:
        reply = await client.json("POST", START, body)
    return str(reply["generationId"])


async def ending(server: Server, generation: str) -> dict[str, Any]:
    """The final frame, however often the connection breaks."""
    while True:
        with suppress(Cut, OSError, trio.BrokenResourceError):
            async with await server.connect() as client:
                await client.follow(generation, "")
                while (frame := await client.frame()) is not None:
                    data = json.loads(frame.partition(b"data: ")[2].partition(b"\n")[0] or "{}")
                    if data.get("final"):
                        return dict(data)
        await trio.lowlevel.checkpoint()
