import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from legato.cli import main
from legato.cli.bans import add_ban, lift_ban, list_bans, subject_of
from legato.config import ConfigError
from legato.http.app import create_app
from legato.http.guards.bans import REFRESH
from tests.support.http.client import Client, bearer
from tests.support.http.runtime import open_house, settings_with
from tests.support.storage.redis_servers import RedisServer
from tests.support.storage.turns import SteppedClock


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and an environment without variables of Legato."""
    for name in [name for name in os.environ if name.startswith("LEGATO_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_bans_are_added_listed_and_lifted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bans", "list"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["bans", "add", "--user", "ann"]) == 0
    assert main(["bans", "add", "--ip", "2001:db8::1", "--for", "30d"]) == 0
    assert [line[:10] for line in capsys.readouterr().out.splitlines()] == [
        "user:ann i",
        "ip:2001:db",
    ]
    assert main(["bans", "list"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [[line[0], *line[2:]] for line in lines] == [
        ["ip:2001:db8::/64", "manual", "0"],
        ["user:ann", "manual", "0"],
    ]
    for _ in range(2):
        assert main(["bans", "lift", "--user", "ann"]) == 0
    said = "user:ann is no longer banned.\nuser:ann was not banned.\n"
    assert capsys.readouterr().out == said


@pytest.mark.parametrize(
    "words",
    [
        "",
        "add",
        "add --for 2h",
        "add --user ann --ip 192.0.2.1",
        "add --user ann --for 2",
        "lift",
        "list --user ann",
    ],
)
def test_a_wrong_use_is_refused(words: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["bans", *words.split()])

    assert caught.value.code == 2


def test_what_is_no_address_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bans", "add", "--ip", "localhost"]) == 2
    said = "legato: --ip: found 'localhost'; allowed: an IPv4 or IPv6 address\n"
    assert capsys.readouterr().err == said


def test_bans_that_nobody_could_see_are_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEGATO_DATABASE_URL", "memory://")

    assert main(["bans", "list"]) == 2
    assert "memory" in capsys.readouterr().err


async def test_a_running_server_learns_of_them(folder: Path) -> None:
    clock = SteppedClock()
    settings = replace(settings_with(), database_url=f"sqlite:///{folder}/legato.db")
    async with open_house(settings, clock=clock) as house:
        ann = Client(create_app(settings, house), bearer("ann"))
        found = [(await ann.get("/api/convos")).status]
        said = await add_ban(settings, "user:ann", None, clock=clock)
        clock.now += REFRESH
        found.append((await ann.get("/api/convos")).status)
        listed = await list_bans(settings, clock=clock)
        await lift_ban(settings, "user:ann", clock=clock)
        clock.now += REFRESH
        found.append((await ann.get("/api/convos")).status)

    assert found == [200, 403, 200]
    assert said == "user:ann is banned until 2026-01-02T05:04:05Z."
    assert listed == "user:ann\t2026-01-02T05:04:05Z\tmanual\t0"


async def test_with_redis_also_those_whose_database_is_their_own(redis_server: RedisServer) -> None:
    clock = SteppedClock()
    settings = settings_with(redis_url=redis_server.url)
    async with open_house(settings, clock=clock) as house:
        ann = Client(create_app(settings, house), bearer("ann"))
        await add_ban(settings, "user:ann", 60, clock=clock)

        assert (await ann.get("/api/convos")).status == 403


def test_an_address_is_banned_as_it_is_counted() -> None:
    assert subject_of(None, "192.0.2.1") == "ip:192.0.2.1"
    assert subject_of("ann", None) == "user:ann"
    with pytest.raises(ConfigError):
        subject_of(None, None)
