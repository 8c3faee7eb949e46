"""A server that is a process ends with Legato, however Legato ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from legato.agents.tools.mcp.toolbox import open_mcp
from legato.config.tools import McpSettings
from tests.support.http.live_server import until
from tests.support.mcp.running import Counts, said, through_pipes, tools_of

OWNER = """
import sys, trio
from pathlib import Path
from tests.support.mcp.running import Counts, through_pipes, tools_of

async def main():
    async with tools_of(through_pipes(Counts(Path(sys.argv[1])), "--with-child")):
        print("ready", flush=True)
        await trio.sleep_forever()

trio.run(main)
"""


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # nobody waits for the children of the dead in a container


async def test_a_server_and_its_children_end_with_a_killed_legato(tmp_path: Path) -> None:
    counts = Counts(tmp_path)
    command = [sys.executable, "-c", OWNER, str(tmp_path)]
    process = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE, env=_environment())
    assert process.stdout is not None
    while b"ready" not in await process.stdout.receive_some():
        pass  # lines of the log
    (child,) = counts.children()
    assert is_alive(child)

    process.send_signal(signal.SIGKILL)
    await process.wait()
    await process.stdout.aclose()

    with trio.fail_after(20):
        await until(lambda: not is_alive(child))


async def test_a_server_and_its_children_end_with_the_toolbox(tmp_path: Path) -> None:
    counts = Counts(tmp_path)
    async with tools_of(through_pipes(counts, "--with-child")):
        (child,) = counts.children()
        assert is_alive(child)

    with trio.fail_after(20):
        await until(lambda: not is_alive(child))


async def test_a_server_may_greet_where_only_messages_belong(tmp_path: Path) -> None:
    async with tools_of(through_pipes(Counts(tmp_path), "--greets")) as (_, tools):
        assert await said(tools["echo"], text="hello") == "hello"


@pytest.mark.parametrize("program", ["/no/such/program", "/bin/true"])
async def test_a_program_that_is_no_server_is_said_to_be_away(program: str) -> None:
    async with open_mcp({"odd": McpSettings(command=program)}) as toolbox:
        offer = await toolbox.offer(["now_mcp_odd"], "ada")

    assert offer.tools == []
    assert offer.missing["now_mcp_odd"].startswith("the MCP server 'odd' is not there: ")


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])}
