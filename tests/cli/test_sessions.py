"""`legato sessions`: the lines printed, and the requests refused afterwards."""

import os
import re
from pathlib import Path

import pytest
import trio

from legato.cli import main
from legato.storage.contracts.revocations import Revocation
from legato.storage.open import open_records


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and an environment without variables of Legato."""
    for name in [name for name in os.environ if name.startswith("LEGATO_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stored() -> list[Revocation]:
    async def read() -> list[Revocation]:
        async with open_records("sqlite:///.legato/legato.db") as records:
            return [*await records.revocations.in_force()]

    return trio.run(read)


def test_a_users_sessions_are_revoked_for_every_process_and_the_next(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["sessions", "revoke", "--user", "ann"]) == 0

    said = capsys.readouterr().out
    [revocation] = stored()
    assert (revocation.user, revocation.session, revocation.until) == ("ann", None, None)
    assert re.match(
        r"Sessions and tokens that were issued to ann before 20\S+Z are refused\.", said
    )
    assert said.count("\n") == 1


def test_a_database_in_memory_has_no_sessions_for_others(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEGATO_DATABASE_URL", "memory://")

    assert main(["sessions", "revoke", "--user", "ann"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("legato: LEGATO_DATABASE_URL: found one in memory")
    assert (said.out, said.err.count("\n")) == ("", 1)


@pytest.mark.parametrize("argv", [[], ["revoke"], ["revoke", "--user", "a\nb"]])
def test_wrong_use_is_said(capsys: pytest.CaptureFixture[str], argv: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["sessions", *argv])

    assert caught.value.code == 2
    assert capsys.readouterr().out == ""
