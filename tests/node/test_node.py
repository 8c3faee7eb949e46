"""Clients for Node.js against a real server: OpenAI's own, a script an API, and the AI SDK."""

import os
import subprocess
from pathlib import Path

import pytest
import trio

from tests.support.models.played import answers
from tests.support.openai.sdk import served

HERE = Path(__file__).parent
MODULES = HERE.parent.parent / ".venv/node/node_modules"  # `make node` installs them
NODE = MODULES / "node/bin/node"  # the clients need a newer one than Debian has


@pytest.mark.parametrize("script", sorted(path.name for path in HERE.glob("*.test.cjs")))
async def test_a_client_for_node(script: str) -> None:
    async with served() as (server, provider):
        provider.plays = [answers("429 Too Many Requests", b'{"error":{"message":"Slower."}}')]
        server_address = {
            "LEGATO_URL": f"http://127.0.0.1:{server.port}/v1",
            "LEGATO_KEY": server.token,
            "NODE_PATH": str(MODULES),
        }
        ran = await trio.run_process(
            [NODE, "--test-reporter=tap", HERE / script],
            env={**os.environ, **server_address},
            capture_stdout=True,
            stderr=subprocess.STDOUT,
            check=False,
        )

    assert ran.returncode == 0, ran.stdout.decode()
    assert b"\nok 1 - " in ran.stdout
