"""What the parent does with processes that start, die, refuse and stay, played by shell scripts."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs

from legato.config import ConfigError, Settings
from legato.http.server.signals import Shutdown
from legato.workers import WorkersError
from legato.workers.processes import Workers
from legato.workers.protocol import Task

SERVING = """read -r task; echo '{"type":"Serving"}'; """
STAYS = SERVING + "read -r _"
DIES = SERVING + "exit 7"
DEAF = SERVING + "exec sleep 60"
UNSERVED = "exit 7"


def refuses(configured: str) -> str:
    report = f'{{"type":"Refused","reasons":["it cannot be","nor that"],"configured":{configured}}}'
    return f"read -r task; echo '{report}'; exit 1"


def workers(
    script: str, shutdown: Shutdown, *, patience: float = 60, pauses: Sequence[float] = ()
) -> Workers:
    return Workers(
        Task(Settings(), []),
        shutdown,
        patience=patience,
        command=("/bin/sh", "-c", script),
        pauses=pauses,
    )


@asynccontextmanager
async def running(script: str, count: int = 2, *, patience: float = 60) -> AsyncIterator[Shutdown]:
    """The workers while they serve; at the end of the block they have ended."""
    shutdown, ready = Shutdown(), trio.Event()
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            parent = workers(script, shutdown, patience=patience)
            nursery.start_soon(parent.run, count, ready.set)
            await ready.wait()
            yield shutdown


async def test_they_end_when_they_are_told_to() -> None:
    async with running(STAYS, 3) as shutdown:
        shutdown.ask()


async def test_one_that_waits_for_its_clients_is_hurried() -> None:
    async with running(STAYS + "; read -r _") as shutdown:
        shutdown.ask()
        shutdown.ask()


async def test_one_that_does_not_end_in_time_is_killed() -> None:
    with capture_logs() as logs:
        async with running(DEAF, 1, patience=0.1) as shutdown:
            shutdown.ask()

    events = [entry["event"] for entry in logs]
    killed = ["a worker does not end: it is killed", "a worker did not end by itself"]
    assert events == ["a worker starts", *killed]
    assert logs[-1]["status"] == -9


async def test_one_that_dies_again_and_again_is_given_up() -> None:
    shutdown, ready = Shutdown(), trio.Event()
    with capture_logs() as logs, trio.fail_after(30), pytest.raises(WorkersError) as caught:
        await workers(DIES, shutdown, pauses=(0, 0.01, 0.02)).run(1, ready.set)

    said = "worker 1 died 4 times in a row soon after its start, at last with status 7: the log"
    assert str(caught.value).startswith(said)
    assert ready.is_set()
    deaths = [entry for entry in logs if entry["event"] == "a worker died"]
    assert [entry["seconds_to_restart"] for entry in deaths] == [0, 0.01, 0.02]


async def test_one_that_does_not_come_to_serve_is_given_up() -> None:
    shutdown, ready = Shutdown(), trio.Event()
    with trio.fail_after(30), pytest.raises(WorkersError):
        await workers(UNSERVED, shutdown, pauses=(0,)).run(2, ready.set)

    assert not ready.is_set()


async def test_when_one_is_given_up_the_others_end_as_if_they_were_told_to(
    tmp_path: Path,
) -> None:
    fork = f"if mkdir {tmp_path}/first 2>/dev/null; then {STAYS}; else {DIES}; fi"
    shutdown = Shutdown()
    with trio.fail_after(30), pytest.raises(WorkersError):
        await workers(fork, shutdown).run(2, lambda: None)

    assert shutdown.asked.is_set()
    assert not shutdown.hurried.is_set()


@pytest.mark.parametrize(("configured", "kind"), [("true", ConfigError), ("false", WorkersError)])
async def test_what_all_of_them_refuse_is_said_once(configured: str, kind: type[Exception]) -> None:
    shutdown, ready = Shutdown(), trio.Event()
    with trio.fail_after(30), pytest.raises(kind, match=r"^it cannot be\nlegato: nor that$"):
        await workers(refuses(configured), shutdown, pauses=(0,)).run(3, ready.set)

    assert not ready.is_set()


async def test_one_that_was_told_to_end_before_it_starts_does_not_start() -> None:
    shutdown = Shutdown()
    shutdown.ask()
    with capture_logs() as logs:
        await workers(STAYS, shutdown).run(2, lambda: None)

    assert logs == []


async def test_nothing_is_left_of_them_when_they_are_cancelled() -> None:
    with capture_logs() as logs, trio.CancelScope() as scope:
        async with running(DEAF):
            scope.cancel()

    assert len(logs) == 2
    for entry in logs:
        assert not await trio.Path(f"/proc/{entry['pid']}").exists()
