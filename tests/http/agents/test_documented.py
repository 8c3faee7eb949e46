"""The commands of docs/agents.md do what the page says, as printed."""

import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Final

import trio

from tests.support.http.raw_client import SECRET
from tests.support.http.server_process import legato_serve

PAGE: Final = Path(__file__).parents[3] / "docs/agents.md"


def commands(port: int) -> str:
    (block,) = re.findall(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    activation, _, rest = block.partition("\n")
    assert activation == ". .venv/bin/activate"
    return (
        str(rest).replace("localhost:8000", f"127.0.0.1:{port}").replace('"rate": 20', '"rate": 0')
    )


async def test_the_commands_of_the_page_work(tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "LEGATO_JWT_SECRET": SECRET}
    async with legato_serve(tmp_path) as server:
        run = partial(subprocess.run, capture_output=True, text=True, env=environment)
        shell = ["bash", "-euo", "pipefail", "-c", commands(server.port)]
        done = await trio.to_thread.run_sync(lambda: run(shell, cwd=tmp_path, timeout=30))

    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert '"instructions":"Rhyme."' in said
    assert '"version":2,"currentVersion":1' in said
    assert '"message":"Permissions updated successfully"' in said
    assert '"sender":"Ada"' in said
    assert '"agent_version":1' in said
    assert '"object":"response"' in said
