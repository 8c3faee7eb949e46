"""`legato serve --workers 2`, as a whole: every process is a real one."""

import os
import signal
from pathlib import Path
from typing import Any

from redis import Redis

from tests.support.http.live_server import until
from tests.support.http.raw_client import RawClient
from tests.support.http.server_process import ServerProcess, output_of, started_serve

TWO = ("--workers", "2")


async def test_all_serve_on_one_port_and_one_that_is_killed_is_started_again(
    tmp_path: Path,
) -> None:
    async with started_serve(tmp_path, *TWO) as server:
        one, other = workers = pids(server, "a worker starts")
        for stopped in workers:
            os.kill(stopped, signal.SIGSTOP)
            await healthy(server)
            os.kill(stopped, signal.SIGCONT)
        os.kill(one, signal.SIGKILL)
        await healthy(server)
        await until(lambda: len(entries(server, "serving")) == 3)
        started = pids(server, "a worker starts")
        os.kill(other, signal.SIGSTOP)
        await healthy(server)
        os.kill(other, signal.SIGCONT)
        await server.end(signal.SIGTERM)

    assert started[:2] == workers
    assert len({*started}) == 3
    [death] = entries(server, "a worker died")
    assert (death["status"], death["seconds_to_restart"]) == (-signal.SIGKILL, 0)
    assert len(entries(server, "shutting down")) == 2
    assert entries(server, "stopped") == server.entries()[-1:]
    assert [*filter(alive, started)] == []


async def test_on_sigterm_what_runs_comes_to_its_end(tmp_path: Path) -> None:
    async with started_serve(tmp_path, *TWO) as server, await server.connect() as client:
        begun = await start(client, tokens=60, rate=60)
        await client.follow(begun)
        await client.frame()
        # Some systems tell parent and workers alike; that is not a second time for any of them.
        for pid in (server.pid, *pids(server, "a worker starts")):
            os.kill(pid, signal.SIGTERM)
        body = await client.body()
        status = await server.exit()

    assert status == 0
    assert b'"final":true' in body
    [drained] = entries(server, "draining")
    assert drained["generations"] == 1


async def test_sighup_ends_neither_the_parent_nor_a_worker(tmp_path: Path) -> None:
    async with started_serve(tmp_path, *TWO) as server:
        workers = pids(server, "a worker starts")
        for pid in (server.pid, *workers):
            os.kill(pid, signal.SIGHUP)
        await until(lambda: len(entries(server, "SIGHUP ignored")) == 3)
        await healthy(server)
        await server.end(signal.SIGTERM)

    assert pids(server, "a worker starts") == workers, "none had to be started again"


async def test_after_a_parent_that_was_killed_nothing_is_left_but_the_data(tmp_path: Path) -> None:
    async with started_serve(tmp_path, *TWO) as server:
        with redis(tmp_path) as client:
            client.set("key", "value")
            client.hset("legato:replicas", "somebody", "alive")
            children = [*pids(server, "a worker starts"), client.info("server")["process_id"]]
        os.kill(server.pid, signal.SIGKILL)
        await until(lambda: not any(alive(child) for child in children))
    log = server.log()

    async with started_serve(tmp_path, *TWO) as server:
        with redis(tmp_path) as client:
            kept = client.get("key"), client.hget("legato:replicas", "somebody")
        await server.end(signal.SIGTERM)
    assert kept in (("value", "left"), ("value", None))
    assert log.count("shutting down") == 2  # they drained
    assert "Traceback" not in log


async def test_a_setting_that_only_a_worker_finds_wrong_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "legato.toml").write_text(
        '[models.here]\nprovider = "openai"\napi_key_env = "LEGATO_NO_KEY"\n'
    )
    status, errors = await output_of(tmp_path, "serve", "--port", "0", *TWO)

    *_, last = errors.splitlines()
    assert status == 2
    assert last.startswith("legato: models.here.api_key_env: the environment variable")
    assert errors.count("api_key_env") == 1
    assert "Traceback" not in errors


async def start(client: RawClient, **parameters: object) -> str:
    body = {"text": "Say something.", "model": "scripted", "model_parameters": parameters}
    begun: dict[str, str] = await client.json("POST", "/api/agents/chat", body)
    return begun["streamId"]


async def healthy(server: ServerProcess) -> None:
    async with await server.connect() as client:
        await client.json("GET", "/healthz")


def entries(server: ServerProcess, event: str) -> list[dict[str, Any]]:
    return [entry for entry in server.entries() if entry["event"] == event]


def pids(server: ServerProcess, event: str) -> list[int]:
    return [entry["pid"] for entry in entries(server, event)]


def alive(pid: int) -> bool:
    """Whether it runs; who is dead may wait for its parent to ask how it ended."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text("utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False


def redis(folder: Path) -> Redis:
    """A client of the Valkey that serves in a working folder."""
    text = (folder / ".legato" / "valkey" / "valkey.conf").read_text("utf-8")
    settings = dict(line.split(" ", 1) for line in text.splitlines())
    return Redis(
        port=int(settings["port"]), password=settings["requirepass"], decode_responses=True
    )
