import os
import re
import signal
import socket
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import jwt
import pytest

from legato.cli import main
from legato.http.auth.authenticator import Authenticator, Credentials, User
from legato.http.auth.tokens import LEEWAY

SECRET = "s" * 32
LEGATO = str(Path(sys.executable).parent / "legato")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and an environment without variables of Legato."""
    for name in [name for name in os.environ if name.startswith("LEGATO_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def wrong_use(*argv: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2


async def user_of(token: str, secret: str, *, seconds_later: float = 0) -> User:
    authenticator = Authenticator(secret, clock=lambda: time.time() + seconds_later)
    credentials = Credentials(
        method="POST", own_origin="http://x", authorization=f"Bearer {token.strip()}"
    )
    return await authenticator.authenticate(credentials)


def test_the_command_prints_a_token_and_nothing_else(folder: Path) -> None:
    command = [LEGATO, "token", "--user", "ada"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)

    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    assert done.stdout.count(".") == 2


def test_the_command_alone_helps(capsys: pytest.CaptureFixture[str]) -> None:
    wrong_use()

    shown = capsys.readouterr().err
    assert "serve until SIGTERM or SIGINT" in shown
    assert "To begin: `legato demo`, or `legato serve`." in shown


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["sevre"], "invalid choice: 'sevre'; did you mean serve?"),
        (["serve-all"], "did you mean serve?"),
        (["xyz"], "invalid choice: 'xyz'; there are serve, demo, token"),
        (["keys", "creat", "--user", "a"], "invalid choice: 'creat'; did you mean create?"),
        (["bench", "fanout"], "did you mean fan-out?"),
    ],
)
def test_a_typo_is_met_with_the_nearest_command(
    capsys: pytest.CaptureFixture[str], argv: list[str], said: str
) -> None:
    wrong_use(*argv)

    assert said in capsys.readouterr().err


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert ended.value.code == 0
    assert capsys.readouterr().out == f"legato {version('legato')}\n"


async def test_the_token_is_good_with_the_configured_secret(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setenv("LEGATO_JWT_SECRET", SECRET)

    assert main(["token", "--user", "ada@example.com"]) == 0
    assert (await user_of(capsys.readouterr().out, SECRET)).id == "ada@example.com"
    assert os.listdir(folder) == []


async def test_on_loopback_the_token_is_good_with_the_kept_secret(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    for _ in range(2):
        assert main(["token", "--user", "ada"]) == 0
        secret = (folder / ".legato" / "secret").read_text()
        assert (await user_of(capsys.readouterr().out, secret)).id == "ada"


async def test_the_secret_can_come_from_a_named_file(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    (folder / "other.toml").write_text(f'host = "0.0.0.0"\njwt_secret = "{SECRET}"')

    assert main(["token", "--user", "ada", "--config", "other.toml"]) == 0
    assert (await user_of(capsys.readouterr().out, SECRET)).id == "ada"


@pytest.mark.parametrize(
    ("ttl", "seconds"),
    [("90s", 90), ("15m", 900), ("1h", 3600), ("30d", 2_592_000), ("3650d", 315_360_000)],
)
async def test_the_token_lasts_as_long_as_was_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, ttl: str, seconds: int
) -> None:
    monkeypatch.setenv("LEGATO_JWT_SECRET", SECRET)

    assert main(["token", "--user", "ada", "--ttl", ttl]) == 0
    token = capsys.readouterr().out
    almost = seconds + LEEWAY - 5
    assert (await user_of(token, SECRET, seconds_later=almost)).id == "ada"
    with pytest.raises(Exception, match="expired"):
        await user_of(token, SECRET, seconds_later=seconds + LEEWAY)


@pytest.mark.parametrize(
    "ttl", ["", "0s", "-1h", "1", "h", "1w", "1.5h", "1 h", "1H", "٣m", "3651d", "9" * 5000 + "s"]
)
def test_a_wrong_ttl_is_refused_with_what_is_allowed(
    capsys: pytest.CaptureFixture[str], ttl: str
) -> None:
    wrong_use("token", "--user", "ada", f"--ttl={ttl}")

    said = capsys.readouterr()
    assert said.out == ""
    assert "such as 90s, 15m, 1h or 30d" in said.err


@pytest.mark.parametrize("user", ["", "a" * 129, "a\nb", "\udcff"])
def test_a_wrong_user_is_refused_with_what_is_allowed(
    capsys: pytest.CaptureFixture[str], user: str
) -> None:
    wrong_use("token", f"--user={user}")

    assert "allowed: 1 to 128 printable characters" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "COMMAND"),
        (["play"], "'play'"),
        (["token"], "--user"),
        (["serve", "--port", "x"], "found 'x'; allowed: a whole number, 0 (any free) to 65535"),
        (["serve", "--port", "65536"], "found '65536'"),
        (["serve", "--workers", "0"], "found '0'; allowed: a whole number, 1 to 64"),
        (["serve", "--workers", "65"], "found '65'"),
        (["serve", "--host", ""], "an address or a host name"),
        (["demo", "--port", "-1"], "found '-1'"),
        (["demo", "--host", ""], "an address or a host name"),
        (["keys"], "ACTION"),
        (["keys", "create", "--user", "a"], "--name"),
        (["keys", "create", "--user", "a", "--name", " "], "found ' '; allowed: 1 to 100 print"),
        (["keys", "create", "--user", "a", "--name", "a" * 101], "1 to 100 printable"),
        (["keys", "create", "--user", "a", "--name", "\udcff"], "1 to 100 printable"),
        (["keys", "create", "--user", "a", "--name", "b", "--expires", "1w"], "such as 90s"),
        (["keys", "list"], "--user"),
        (["keys", "list", "--user", "a", "--all"], "not allowed with"),
        (["keys", "revoke"], "ID"),
        (["keys", "delete"], "ID"),
        (["bench"], "SCENARIO"),
        (["bench", "play"], "invalid choice: 'play'"),
        (["bench", "jobs", "--runs", "0"], "found '0'; allowed: a whole number, 1 to 999"),
    ],
)
def test_wrong_use_is_two_lines_and_status_2(
    capsys: pytest.CaptureFixture[str], argv: list[str], said: str
) -> None:
    wrong_use(*argv)

    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.out == ""


@pytest.mark.parametrize(
    ("environment", "argv", "said"),
    [
        ({"LEGATO_PORT": "x"}, ["serve"], "legato: LEGATO_PORT: found 'x'; allowed: a whole"),
        ({"LEGATO_PRT": "1"}, ["token", "--user", "a"], "legato: LEGATO_PRT: no such setting"),
        ({}, ["serve", "--config", "no.toml"], "legato: no.toml: cannot be read: No such file"),
        ({}, ["serve", "--host", "0.0.0.0"], "legato: host: found 0.0.0.0, which other machines"),
        ({"LEGATO_HOST": "::"}, ["token", "--user", "a"], "legato: host: found ::, which other"),
    ],
)
def test_a_wrong_setting_is_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    argv: list[str],
    said: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert main(argv) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith(said)
    assert shown.err.count("\n") == 1
    assert shown.out == ""


def test_the_server_says_where_it_is_and_ends_on_sigterm(folder: Path) -> None:
    with subprocess.Popen(
        [LEGATO, "serve", "--port", "0"], stdout=subprocess.PIPE, text=True, cwd=folder
    ) as server:
        assert server.stdout is not None
        said = server.stdout.readline()
        server.send_signal(signal.SIGTERM)

        how = server.stdout.readline()
        assert re.fullmatch(r"Legato is at http://127\.0\.0\.1:[0-9]+\n", said)
        page = said.split()[-1]
        command = "`legato token --user you`"
        assert how.startswith(f"To log in, open {page}/, and paste what {command} prints")
        assert server.wait(30) == 0


@pytest.mark.parametrize(
    "command", [["serve"], ["serve", "--workers", "2"], ["demo", "--no-browser"]]
)
def test_a_port_that_is_taken_is_one_line_and_status_2(
    command: list[str], capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    (folder / "legato.toml").write_text('[models.played]\nprovider = "scripted"\n')
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert main([*command, "--port", str(port)]) == 2
    said = capsys.readouterr().err
    reason = f"legato: cannot listen on 127.0.0.1, port {port}: Address already in use; "
    assert said.startswith(f"{reason}is another Legato running there? Try ")
    assert said.count("\n") == 1
    [*_, other] = re.findall("--port ([0-9]+)", said)
    assert port < int(other) <= port + 20
    assert ("make demo PORT=" in said) is (command[0] == "demo")
    assert not (folder / ".legato" / "legato.db").exists()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_storage_that_cannot_be_used_is_one_line_and_status_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path, workers: str
) -> None:
    (folder / "file").touch()
    monkeypatch.setenv("LEGATO_DATABASE_URL", "sqlite:///file/legato.db")

    assert main(["serve", "--port", "0", "--workers", workers]) == 1
    said = capsys.readouterr().err
    assert said.startswith("legato: LEGATO_DATABASE_URL: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize("url", ["memory://", "sqlite://", "sqlite:///:memory:"])
def test_workers_cannot_share_a_database_in_memory(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("LEGATO_DATABASE_URL", url)
    monkeypatch.setenv("LEGATO_WORKERS", "3")

    assert main(["serve", "--port", "0"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("legato: workers: found 3 with a LEGATO_DATABASE_URL in memory")
    assert said.count("\n") == 1
    assert main(["token", "--user", "ada"]) == 0


def test_a_measurement_that_fails_is_a_sentence_and_status_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")

    assert main(["bench", "start", "--runs", "1"]) == 1
    assert "legato: start: [Errno 2] No such file" in capsys.readouterr().err


def test_a_measurement_that_is_ended_leaves_no_process(folder: Path) -> None:
    with subprocess.Popen(
        [LEGATO, "bench", "fan-out"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=folder
    ) as bench:
        assert bench.stderr is not None
        assert bench.stderr.readline() == b"run 1 of 3 \xe2\x80\xa6\n"
        children = Path(f"/proc/{bench.pid}/task/{bench.pid}/children")
        while not (begun := children.read_text().split()):
            pass
        bench.send_signal(signal.SIGTERM)

        assert bench.wait(30) == 128 + signal.SIGTERM
        assert [child for child in begun if Path(f"/proc/{child}").exists()] == []


def test_the_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])

    assert caught.value.code == 0
    assert capsys.readouterr().out == "legato 0.1.0\n"


def test_a_token_does_not_wait_for_the_server_to_be_imported() -> None:
    script = (
        "import sys, legato.cli; legato.cli.main(['token', '--user', 'a']); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert not {"trio", "quart", "hypercorn", "sqlalchemy", "httpx"}.intersection(
        done.stdout.split()
    )


def test_a_token_says_by_whom_it_is_and_for_whom_where_that_is_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEGATO_JWT_SECRET", SECRET)
    monkeypatch.setenv("LEGATO_JWT_ISSUER", "https://login.example.com")
    claims = []
    for audience in ("legato", "any"):
        monkeypatch.setenv("LEGATO_JWT_AUDIENCE", audience)
        assert main(["token", "--user", "ada"]) == 0
        token = capsys.readouterr().out.strip()
        claims.append(jwt.decode(token, SECRET, ["HS256"], options={"verify_aud": False}))

    assert [each["iss"] for each in claims] == ["https://login.example.com"] * 2
    assert [each.get("aud") for each in claims] == ["legato", None]


def test_an_identity_provider_without_an_audience_is_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEGATO_JWKS_URL", "https://login.example.com/keys")

    assert main(["serve", "--port", "0"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("legato: jwt_audience: missing beside a LEGATO_JWKS_URL")
    assert said.count("\n") == 1
