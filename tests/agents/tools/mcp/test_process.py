"""A server that is a process ends with Legato, however Legato ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs

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


async def test_standard_error_is_logged_up_to_a_bound(tmp_path: Path) -> None:
    with capture_logs() as lines:
        async with tools_of(through_pipes(Counts(tmp_path), "--shouts")) as (_, tools):
            assert await said(tools["echo"], text="hello") == "hello"
        shouted = [line["line"] for line in lines if "line" in line]

    assert 10_000 < len(shouted) < 11_000
    (last,) = [line for line in lines if line["event"].startswith("no more of")]
    assert last["server"] == "odd"


async def test_a_server_that_does_not_read_is_begun_again(tmp_path: Path) -> None:
    deaf = McpSettings(command="/bin/sh", args=("-c", "exec 0<&-; exec sleep 600"))
    with capture_logs() as lines:
        async with open_mcp({"odd": deaf}) as toolbox:
            with trio.fail_after(30):
                await until(lambda: any(line["event"].endswith("not there") for line in lines))
            assert (await toolbox.offer(["now_mcp_odd"], "ada")).tools == []


@pytest.mark.parametrize("program", ["/no/such/program", "/bin/true"])
async def test_a_program_that_is_no_server_is_said_to_be_away(program: str) -> None:
    async with open_mcp({"odd": McpSettings(command=program)}) as toolbox:
        offer = await toolbox.offer(["now_mcp_odd"], "ada")

    assert offer.tools == []
    assert offer.missing["now_mcp_odd"].startswith("the MCP server 'odd' is not there: ")


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])}
