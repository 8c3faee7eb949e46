"""A running server, by either transport, and how often its tools were called."""

import atexit
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path
from typing import Final

from legato.agents.tools.contract import Tool, ToolOutput
from legato.agents.tools.mcp.toolbox import McpToolbox, open_mcp
from legato.config.tools import McpSettings

SERVER: Final = Path(__file__).with_name("server.py")


class Counts:
    """Lines that a server wrote, one for each call."""

    def __init__(self, folder: Path) -> None:
        self.path: Final = folder / "calls"

    def of(self, line: str) -> int:
        if not self.path.exists():
            return 0
        return self.path.read_text().splitlines().count(line)

    def add(self, line: str) -> None:
        with self.path.open("a") as file:
            file.write(f"{line}\n")

    def children(self) -> list[int]:
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return [int(line.split()[1]) for line in lines if line.startswith("child ")]


def through_pipes(counts: Counts, *options: str, timeout: float = 20) -> McpSettings:
    """The server as a new process, as it begins for users."""
    arguments = (str(SERVER), str(counts.path), *options)
    return McpSettings(command=sys.executable, args=arguments, timeout=timeout)


def through_forked_pipes(counts: Counts, *options: str, timeout: float = 20) -> McpSettings:
    """The server as a forked process, which begins at once."""
    command, arguments = forked()[0], (*forked()[1:], str(counts.path), *options)
    return McpSettings(command=command, args=arguments, timeout=timeout)


@cache
def forked() -> tuple[str, ...]:
    """The command by which a forked process runs the server; more arguments may follow."""
    folder = tempfile.mkdtemp(prefix="legato-mcp-")
    path = f"{folder}/socket"
    forking = subprocess.Popen(
        [sys.executable, str(SERVER.with_name("forking.py")), path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    atexit.register(_end, forking, folder)
    assert forking.stdout is not None
    assert forking.stdout.readline() == b"ready\n"
    stand_in = str(SERVER.with_name("forked.py"))
    return (sys.executable, "-I", "-S", stand_in, path, str(SERVER))


def _end(forking: subprocess.Popen[bytes], folder: str) -> None:
    assert forking.stdin is not None
    assert forking.stdout is not None
    forking.stdin.close()
    forking.stdout.close()  # not read to its end: forked processes have it, too
    forking.wait()
    shutil.rmtree(folder)


@contextmanager
def by_http(
    counts: Counts,
    *options: str,
    port: int = 0,
    timeout: float = 20,
    task_timeout: float = 20,
) -> Iterator[McpSettings]:
    command = [*forked(), str(counts.path), str(port), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = process.stdout.readline().strip()
        try:
            url = f"http://127.0.0.1:{found}/mcp"
            yield McpSettings(url=url, timeout=timeout, task_timeout=task_timeout)
        finally:
            process.terminate()


@asynccontextmanager
async def tools_of(settings: McpSettings) -> AsyncIterator[tuple[McpToolbox, Mapping[str, Tool]]]:
    """The toolbox with one server, `odd`, and the tools of that server by the server's names."""
    async with open_mcp({"odd": settings}) as toolbox:
        offer = await toolbox.offer(["sys__all__sys_mcp_odd"], "ada")
        while not offer.tools:  # a machine with much to do begins a process slowly
            offer = await toolbox.offer(["sys__all__sys_mcp_odd"], "ada")
        yield toolbox, {each.definition.name.removesuffix("_mcp_odd"): each for each in offer.tools}


async def said(tool: Tool, **arguments: str) -> str:
    output = await tool.call(arguments, "call_1")
    assert isinstance(output, ToolOutput)
    return output.text
