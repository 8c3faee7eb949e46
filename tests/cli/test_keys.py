"""`legato keys`: the lines printed, and the database afterwards."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio

from legato.cli import main
from legato.http.auth.api_keys import digest_of
from legato.storage.contracts.keys import ApiKey
from legato.storage.open import open_records

LEGATO = str(Path(sys.executable).parent / "legato")
ANN = ("--user", "ann")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and an environment without variables of Legato."""
    for name in [name for name in os.environ if name.startswith("LEGATO_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def keys(*argv: str) -> int:
    return main(["keys", *argv])


def stored(user: str = "ann") -> list[ApiKey]:
    async def read() -> list[ApiKey]:
        async with open_records("sqlite:///.legato/legato.db") as records:
            return [*await records.api_keys.of_user(user)]

    return trio.run(read)


def test_the_command_prints_a_key_and_nothing_else(folder: Path) -> None:
    command = [LEGATO, "keys", "create", *ANN, "--name", "laptop"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    key = done.stdout.removesuffix("\n")

    assert re.fullmatch("sk-[0-9a-f]{64}", key)
    assert done.stderr == ""
    [made] = stored()
    assert (made.name, made.prefix, made.digest) == ("laptop", key[:8], digest_of(key))
    assert made.expires_at is None
    assert not (folder / ".legato" / "secret").exists()


def test_a_key_lasts_as_long_as_was_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert keys("create", *ANN, "--name", "laptop", "--expires", "90d") == 0

    [made] = stored()
    assert made.expires_at == made.created_at + timedelta(days=90)
    assert abs(made.created_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_keys_are_listed_without_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    for name, user in (("first", "ann"), ("other", "bob"), ("my second", "ann")):
        assert keys("create", "--user", user, "--name", name, "--expires", "1d") == 0
    made = capsys.readouterr().out.split()
    assert keys("list", *ANN) == 0

    shown = capsys.readouterr().out
    head, first, second = shown.splitlines()
    assert head.split("  ")[0] == "ID"
    assert first.split() == [
        stored()[0].id,
        f"{made[0][:8]}…",
        f"{stored()[0].created_at:%Y-%m-%dT%H:%M:%SZ}",
        "never",
        f"{stored()[0].expires_at:%Y-%m-%dT%H:%M:%SZ}",
        "chat_completions,models,responses",
        "first",
    ]
    assert second.endswith("  my second")
    assert not [key for key in made if key in shown]


def test_an_operator_sees_everybodys_keys_and_revokes_any(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for user in ("bob", "ann", "Ann"):
        keys("create", "--user", user, "--name", f"of {user}")
    made = capsys.readouterr().out.split()
    assert keys("list", "--all") == 0

    shown = capsys.readouterr().out
    head, *rows = shown.splitlines()
    assert head.split("  ")[0] == "USER"
    assert [row.split()[0] for row in rows] == ["Ann", "ann", "bob"]
    assert [row.split()[1] for row in rows] == [
        stored(user)[0].id for user in ("Ann", "ann", "bob")
    ]
    assert not [key for key in made if key in shown]
    assert keys("revoke", stored("bob")[0].id) == 0
    assert keys("delete", stored("ann")[0].id) == 0
    assert (stored("bob"), stored("ann"), len(stored("Ann"))) == ([], [], 1)


def test_a_key_lasts_as_long_as_is_configured_where_nothing_else_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LEGATO_API_KEY_LIFETIME", "86400")
    for asked in ([], ["--expires", "2d"], ["--expires", "never"]):
        keys("create", *ANN, "--name", "a", *asked)

    lifetimes = [each.expires_at and each.expires_at - each.created_at for each in stored()]
    assert lifetimes == [timedelta(days=1), timedelta(days=2), None]


def test_a_user_without_keys_has_an_empty_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert keys("list", *ANN) == 0
    assert capsys.readouterr().out.count("\n") == 1


def test_a_key_is_revoked_by_its_id_and_only_once(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("kept", "deleted"):
        keys("create", *ANN, "--name", name)
    kept, deleted = stored()
    capsys.readouterr()

    assert keys("revoke", deleted.id) == 0
    assert capsys.readouterr().out == ""
    assert stored() == [kept]
    assert keys("revoke", deleted.id) == 2
    assert capsys.readouterr().err.startswith(f"legato: ID: found '{deleted.id}'; allowed: ")


@pytest.mark.parametrize("argv", [("create", "--name", "a", *ANN), ("list", *ANN), ("revoke", "x")])
def test_a_database_in_memory_has_no_keys_for_others(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, argv: tuple[str, ...]
) -> None:
    monkeypatch.setenv("LEGATO_DATABASE_URL", "memory://")

    assert keys(*argv) == 2
    said = capsys.readouterr()
    assert said.err.startswith("legato: LEGATO_DATABASE_URL: found one in memory")
    assert (said.out, said.err.count("\n")) == ("", 1)


def test_storage_that_cannot_be_used_is_one_line_and_status_1(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    (folder / "file").touch()
    (folder / "other.toml").write_text('database_url = "sqlite:///file/legato.db"')

    assert keys("create", *ANN, "--name", "a", "--config", "other.toml") == 1
    said = capsys.readouterr()
    assert said.err.startswith("legato: LEGATO_DATABASE_URL: ")
    assert (said.out, said.err.count("\n")) == ("", 1)


def test_keys_do_not_wait_for_the_server_to_be_imported() -> None:
    script = (
        "import sys, legato.cli; legato.cli.main(['keys', 'list', '--user', 'a']);"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert not {"quart", "hypercorn", "httpx"}.intersection(done.stdout.split())
