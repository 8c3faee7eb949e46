"""Frameworks that speak OpenAI's APIs, unchanged, against a real server: a script each.

They are run by a Python of their own, because they need asyncio and have warnings of their own.
"""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import trio

from tests.http.openai.test_runs_python_client import connected
from tests.support.http.live_server import LiveServer
from tests.support.models.played import DONE, PlayedProvider, delta, finish, streams
from tests.support.openai.runs import agents_served
from tests.support.openai.sdk import served

HERE = Path(__file__).parent
OF_AGENTS = "openai_agents_approvals.py"  # the script for agents of the server's own
SCRIPTS = sorted(
    path.name
    for path in HERE.glob("*.py")
    if not path.name.startswith("test_") and path.name != OF_AGENTS
)

CALLING = streams(
    delta(content="Let me see."),
    delta(tool_calls=[{"index": 0, "id": "call_a", "function": {"name": "find"}}]),
    delta(tool_calls=[{"index": 0, "function": {"arguments": '{"question":"it"}'}}]),
    finish("tool_calls"),
    DONE,
)
ANSWERING = streams(delta(content="It is"), delta(content=" 42."), finish("stop"), DONE)


async def play(provider: PlayedProvider, stream: trio.SocketStream) -> None:
    """Call the tool, where there is one, and answer once there is its result."""
    body = provider.bodies[-1]
    is_called = body["messages"][-1]["role"] == "tool"
    await (CALLING if body.get("tools") and not is_called else ANSWERING)(stream)


@pytest.mark.parametrize("script", SCRIPTS)
async def test_a_framework_runs_unchanged(script: str) -> None:
    async with served() as (server, provider):
        provider.plays = [partial(play, provider)] * 100
        await run_unchanged(script, server)


async def test_a_framework_approves_the_calls_of_an_agent(tmp_path: Path) -> None:
    async with agents_served(tmp_path, with_mcp=True) as server:
        await connected(server)
        await run_unchanged(OF_AGENTS, server)


async def run_unchanged(script: str, server: LiveServer) -> None:
    environment = os.environ | {
        "LEGATO_URL": f"http://127.0.0.1:{server.port}/v1",
        "LEGATO_KEY": server.token,
        "NO_PROXY": "127.0.0.1",
    }
    ran = await trio.run_process(
        [sys.executable, HERE / script],
        env=environment,
        capture_stdout=True,
        stderr=subprocess.STDOUT,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout.decode()
