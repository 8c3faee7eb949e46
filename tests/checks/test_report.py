"""`legato check`: the lines printed, and the status."""

import os
from pathlib import Path

import pytest

from legato.checks.machine import look
from legato.cli import main
from legato.config import Settings

READY = """
scripted = false
database_url = "sqlite:///data/legato.db"
jwt_secret = "jPz4WqkX0v6pTqS1b3Yd8RmN2cLuH7eA"
metrics_token = "jPz4WqkX0v6pTqS1b3Yd8RmN2cLuH7eA"

[guards]
trusted_proxies = ["127.0.0.1"]

[models.gpt]
provider = "openai"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and an environment without variables of Legato."""
    for name in [name for name in os.environ if name.startswith("LEGATO_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("resource.getrlimit", lambda _: (1024, 65536))
    return tmp_path


def write(text: str, mode: int = 0o600) -> Path:
    file = Path("legato.toml")
    file.write_text(text)
    file.chmod(mode)
    return file


def test_a_server_that_is_ready_has_status_0(capsys: pytest.CaptureFixture[str]) -> None:
    write(READY)

    assert main(["check"]) == 0
    said = capsys.readouterr()
    assert (
        said.out == "Nothing that is checked here speaks against opening this server to others.\n"
    )
    assert said.err == ""


def test_a_fresh_server_has_status_1(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    assert main(["check"]) == 1
    said = capsys.readouterr()
    assert said.err == "legato: not to be opened to others yet: 2 things must be done first\n"
    assert said.out.splitlines()[:3] == [
        "must    guards.trusted_proxies",
        "        found: no proxy, so tokens and answers would cross the network as they are",
        '        write: trusted_proxies = ["127.0.0.1"], the address of a proxy that ends TLS',
    ]
    assert os.listdir(folder) == [], "a check makes nothing"


def test_advice_alone_has_status_0(capsys: pytest.CaptureFixture[str]) -> None:
    write(READY.replace("metrics_token", "# "))

    assert main(["check"]) == 0
    assert capsys.readouterr().out.startswith("should  metrics_token\n")


def test_a_file_of_settings_may_be_its_groups_but_not_everybodys(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(READY, 0o640)
    assert main(["check"]) == 0
    write(READY, 0o644)
    assert main(["check"]) == 1
    assert "write: chmod 0640 legato.toml" in capsys.readouterr().out


def test_a_wrong_setting_is_status_2_and_no_finding(capsys: pytest.CaptureFixture[str]) -> None:
    write("prot = 1")

    assert main(["check"]) == 2
    assert capsys.readouterr().out == ""


def test_data_that_others_may_read_is_found(folder: Path) -> None:
    (folder / ".legato").mkdir(mode=0o755)
    for name, mode in (("secret", 0o604), ("legato.db", 0o644), ("legato.db-wal", 0o660)):
        (folder / ".legato" / name).touch()
        (folder / ".legato" / name).chmod(mode)
    machine = look(Settings(), None)

    assert [(file.path, file.mode, file.wanted) for file in machine.open_files] == [
        (".legato", 0o755, 0o700),
        (".legato/secret", 0o604, 0o600),
        (".legato/legato.db", 0o644, 0o600),
        (".legato/legato.db-wal", 0o660, 0o600),
    ]
    assert machine.descriptors == 65536


def test_what_is_its_owners_alone_is_not_said(folder: Path) -> None:
    (folder / ".legato").mkdir(mode=0o700)
    (folder / ".legato" / "secret").touch(mode=0o600)

    assert look(Settings(), None).open_files == []


def test_descriptors_without_a_limit_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (1024, -1))

    assert look(Settings(database_url="memory://"), None).descriptors > 2**30
