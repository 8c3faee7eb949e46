"""A replica ends in the middle of many runs with tools, and the second replica ends the runs.

The runs began in turn, and each says more before its first call than the run before: therefore a
single kill cuts each run at a different event, also where all wait for the tools.  The MCP servers'
own count of calls is the witness.
"""

import signal
import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
import trio

from legato.agents.tool_run import NOT_MADE, UNKNOWN
from tests.http.test_replicas import two
from tests.support.actors import SimulatedClient
from tests.support.http.raw_client import START, STREAM, Cut
from tests.support.http.server_process import ServerProcess
from tests.support.mcp.running import SERVER, Counts
from tests.support.storage.redis_servers import RedisServer

RUNS: Final = 12
APART: Final = 0.1  # seconds from one run's begin to the next
ROUNDS: Final = 6  # model calls with tool calls, of each run
PATIENCE: Final = 60.0  # seconds for all runs to end

UNSETTLED: Final = {UNKNOWN, NOT_MADE}

BROKEN: Final = (Cut, OSError, trio.BrokenResourceError, trio.ClosedResourceError)

CONFIG: Final = """
on_owner_lost = "continue"

[limits]
drain_timeout = 0.3

[mcp.odd]
command = "{python}"
args = ["{server}", "{counts}"]

[agents.helper]
model = "scripted"
tools = ["write_mcp_odd", "read_mcp_odd"]
"""


class Run:
    """A run, and the frames of the readers at each replica."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.generation = ""
        self.here = SimulatedClient()
        self.there = SimulatedClient()

    def script(self) -> list[Mapping[str, Any]]:
        entries: list[Mapping[str, Any]] = []
        for index in range(ROUNDS):
            text = {"text": f"{self.number}-{index}"}
            calls = [{"name": f"{tool}_mcp_odd", "arguments": text} for tool in ("write", "read")]
            begin = "Well. " * self.number if index == 0 else ""
            entries.append({"text": f"{begin}One two three. ", "calls": calls})
        return [*entries, {"text": "The end."}]

    async def begin(self, server: ServerProcess) -> None:
        parameters = {"script": self.script(), "rate": 20}
        body = {"text": "Go.", "agent_id": "helper", "model_parameters": parameters}
        async with await server.connect() as client:
            self.generation = (await client.json("POST", START, body))["generationId"]

    async def read(self, client: SimulatedClient, *servers: ServerProcess) -> None:
        """Follow the run to its end at the first of `servers` that answers."""
        while client.terminal is None:
            for server in servers:
                with suppress(*BROKEN):
                    await self._follow(client, server)
            await trio.sleep(0.05)

    async def _follow(self, client: SimulatedClient, server: ServerProcess) -> None:
        last = [("Last-Event-ID", str(client.cursor))] if client.cursor else []
        async with await server.connect() as connection:
            await connection.ask("GET", STREAM + self.generation, *last)
            if (await connection.head()).status_code == 200:
                while (frame := await connection.frame()) is not None:
                    if not frame.startswith(b":"):
                        client.feed(frame)


def places(runs: Sequence[Run]) -> Collection[int]:
    """How far the readers at the other replica have come."""
    return {run.there.cursor.seq for run in runs if run.there.cursor}


@pytest.mark.timeout(200)
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
async def test_another_replica_ends_the_runs_and_makes_no_finished_call_again(
    tmp_path: Path, own_redis: RedisServer, end: signal.Signals
) -> None:
    counts = Counts(tmp_path)
    config = CONFIG.format(python=sys.executable, server=SERVER, counts=counts.path)
    runs = [Run(number) for number in range(RUNS)]
    async with (
        two(tmp_path, own_redis, config, EXTRAS="mcp") as (owner, other),
        trio.open_nursery() as nursery,
    ):
        # The first run is over before the others begin: by then the tools are there, and no runs go
        # on together that have waited for the tools together.
        await runs[0].begin(owner)
        await runs[0].read(runs[0].here, owner)
        await runs[0].read(runs[0].there, other)
        for run in runs[1:]:
            await run.begin(owner)
            nursery.start_soon(run.read, run.here, owner, other)
            nursery.start_soon(run.read, run.there, other)
            await trio.sleep(APART)
        cuts = places(runs)
        owner.send(end)
        nursery.cancel_scope.deadline = trio.current_time() + PATIENCE

    assert len(cuts) > RUNS / 2, "the runs were cut at different events"
    assert any(run.here.cursor and run.here.cursor.epoch == 2 for run in runs), "taken over"
    for run in runs:
        check(run, counts)


def check(run: Run, counts: Counts) -> None:
    for client in (run.here, run.there):
        assert client.terminal is not None, client.content
        assert client.seqs == sorted(set(client.seqs)), "each event once"
    (here, there) = (client.frames[-1] for client in (run.here, run.there))
    assert undated(here) == undated(there), "the same ending"
    assert "failed" not in here
    content = here["responseMessage"]["content"]
    assert told(run.here.content) == told(run.there.content) == told(content)
    outputs = told([part for part in content if part["type"] == "tool_call"])
    for index in range(ROUNDS):
        text = f"{run.number}-{index}"
        assert counts.of(f"write {text}") <= 1
        assert counts.of(f"write {text}") >= outputs.count(text) - 1, "the other is the reading"
        assert counts.of(f"read {text}") in (1, 2)
    assert set(outputs) <= {f"{run.number}-{index}" for index in range(ROUNDS)} | UNSETTLED
    assert outputs.count(UNKNOWN) <= 1, "the call that ran when the process ended"


def undated(final: Mapping[str, Any]) -> Mapping[str, Any]:
    """The last frame without the time at which the conversation changed last: storing the answer
    sets this time, and the journal has the ending before, from which the next owner repeats it."""
    return {**final, "conversation": {**final["conversation"], "updatedAt": None}}


def told(content: Sequence[Mapping[str, Any]]) -> list[object]:
    """The texts, and the results of the calls."""
    return [
        part["tool_call"]["output"] if part["type"] == "tool_call" else part["text"]
        for part in content
    ]
