"""A new file or folder is closed to other users, whichever part of Legato makes it."""

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import trio

from legato.cli import main
from legato.private_files import make_file, make_folder
from legato.storage.open import open_records
from legato.workers.folder import owned


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder, with an umask that lets everybody read new files."""
    for name in [name for name in os.environ if name.startswith("LEGATO_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)
    before = os.umask(0)
    yield tmp_path
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    """The mode of a folder and of everything inside."""
    found = [folder, *folder.rglob("*")]
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in found}


def test_a_folder_is_its_owners_with_all_above_it_that_was_missing(folder: Path) -> None:
    make_folder(folder / "a" / "b" / "c")

    assert modes(folder) == {".": 0o755, "a": 0o700, "a/b": 0o700, "a/b/c": 0o700}


def test_a_folder_of_somebody_else_stays_as_it_is_and_our_own_does_not(folder: Path) -> None:
    (folder / "theirs").mkdir(0o755)
    (folder / "ours").mkdir(0o755)
    make_folder(folder / "theirs")
    make_folder(folder / "ours", is_ours=True)

    assert modes(folder) == {".": 0o755, "theirs": 0o755, "ours": 0o700}


def test_a_folder_that_cannot_be_made_is_an_error(folder: Path) -> None:
    (folder / "file").touch()

    for path in (folder / "file", folder / "file" / "below"):
        with pytest.raises(OSError, match="Not a directory"):
            make_folder(path)


def test_a_file_is_its_owners_whoever_made_it(folder: Path) -> None:
    (folder / "old").write_text("kept")
    (folder / "read-only").touch(0o444)
    for name in ("new", "old", "read-only"):
        make_file(folder / name)

    assert (folder / "old").read_text() == "kept"
    assert modes(folder) == {".": 0o755, "new": 0o600, "old": 0o600, "read-only": 0o400}


async def test_a_database_is_its_owners_with_all_that_is_beside_it(folder: Path) -> None:
    async with open_records("sqlite:///.legato/legato.db") as records:
        await records.ping()
        found = modes(folder / ".legato")

    assert {"legato.db", "legato.db-wal", "legato.db-shm"} < set(found)
    assert any(name.startswith("legato.db-owner-") for name in found)
    assert found.pop(".") == 0o700
    assert set(found.values()) == {0o600}


async def test_a_database_of_an_earlier_version_is_restricted(folder: Path) -> None:
    (folder / ".legato").mkdir(0o755)
    with closing(sqlite3.connect(folder / ".legato" / "legato.db")) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("CREATE TABLE something (x)")
        others = modes(folder / ".legato")
        async with open_records("sqlite:///.legato/legato.db") as records:
            await records.ping()
            found = modes(folder / ".legato")

    beside = {"legato.db", "legato.db-wal", "legato.db-shm"}
    assert all(others[name] & 0o077 for name in beside)
    assert beside < set(found)
    assert found.pop(".") == 0o700
    assert set(found.values()) == {0o600}


async def test_the_folder_of_a_database_elsewhere_stays_as_it_is(folder: Path) -> None:
    (folder / "shared").mkdir(0o755)
    async with open_records(f"sqlite:///{folder}/shared/legato.db"):
        pass

    assert modes(folder / "shared") == {".": 0o755, "legato.db": 0o600}


@pytest.mark.parametrize(
    "commands",
    [
        [["keys", "list", "--user", "a"], ["token", "--user", "a"]],
        [["token", "--user", "a"], ["keys", "list", "--user", "a"]],
    ],
)
def test_whichever_command_comes_first(folder: Path, commands: list[list[str]]) -> None:
    for command in commands:
        assert main(command) == 0

    found = modes(folder / ".legato")
    assert found == {".": 0o700, "legato.db": 0o600, "secret": 0o600}


def test_a_secret_that_others_could_read_is_restricted(folder: Path) -> None:
    (folder / ".legato").mkdir(0o755)
    (folder / ".legato" / "secret").write_text("s" * 40)
    assert main(["token", "--user", "a"]) == 0

    assert modes(folder / ".legato") == {".": 0o700, "secret": 0o600}


async def test_the_folder_of_our_own_redis_is_private(folder: Path) -> None:
    await trio.Path(folder / ".legato" / "valkey").mkdir(0o755, parents=True)
    async with owned(folder / ".legato" / "valkey"):
        found = modes(folder / ".legato" / "valkey")

    assert found == {".": 0o700, "lock": 0o600}


def test_two_processes_that_start_together_both_have_the_folder(folder: Path) -> None:
    script = (
        "from pathlib import Path; from legato.private_files import make_folder;"
        "make_folder(Path('a/b/c/d'))"
    )
    started = [subprocess.Popen([sys.executable, "-c", script], cwd=folder) for _ in range(4)]

    assert [process.wait() for process in started] == [0, 0, 0, 0]
