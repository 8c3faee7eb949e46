import os
import signal
import subprocess
import sys

import pytest

from legato.agents.tools.mcp import guardian, launcher
from legato.agents.tools.mcp.guardian import watch


def test_groups_that_have_not_ended_are_left() -> None:
    assert watch(["+10\n", "+11\n", "-10\n", "nonsense\n", "+\n"]) == {11}


def test_the_guardian_kills_what_is_left_and_outlives_signals() -> None:
    with (
        subprocess.Popen(["sleep", "600"], start_new_session=True) as sleeper,
        subprocess.Popen([sys.executable, guardian.__file__], stdin=subprocess.PIPE) as process,
    ):
        assert process.stdin is not None
        process.stdin.write(b"+%d\n+999999999\n" % sleeper.pid)
        process.stdin.close()

        assert process.wait() == 0
        assert sleeper.wait() == -signal.SIGKILL


def test_the_launcher_tells_the_guardian_before_it_becomes_the_server() -> None:
    reader, writer = os.pipe()
    command = [
        sys.executable,
        launcher.__file__,
        str(writer),
        sys.executable,
        "-c",
        LISTS,
        str(writer),
    ]
    done = subprocess.run(
        command, pass_fds=(writer,), capture_output=True, check=True, start_new_session=True
    )
    os.close(writer)

    pid, opened = done.stdout.split()
    assert os.read(reader, 100) == b"+" + pid + b"\n"
    assert opened == b"closed"
    os.close(reader)


LISTS = """
import os, sys
print(os.getpid())
try:
    os.fstat(int(sys.argv[1]))
except OSError:
    print("closed")
"""


def test_the_launcher_says_which_program_is_missing() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, launcher.__file__, str(writer), "no-such-program"]
    done = subprocess.run(command, pass_fds=(writer,), capture_output=True, check=False)
    os.close(writer)

    assert done.returncode == 127
    assert done.stderr == b"no-such-program: No such file or directory\n"


def test_the_guardian_goes_on_where_a_group_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    ignored: list[int] = []
    monkeypatch.setattr(signal, "signal", lambda number, _: ignored.append(number))
    monkeypatch.setattr(sys, "stdin", ["+999999998\n", "+999999999\n"])

    guardian.main()

    assert signal.SIGTERM in ignored


def test_the_launcher_becomes_the_program_without_the_guardian(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader, writer = os.pipe()
    begun: list[list[str]] = []
    monkeypatch.setattr(os, "execvp", lambda _, command: begun.append(command))

    launcher.main([str(writer), "server", "--fast"])

    assert begun == [["server", "--fast"]]
    assert os.read(reader, 100) == b"+%d\n" % os.getpgrp()
    os.close(reader)


def test_a_launcher_that_can_begin_nothing_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    reader, writer = os.pipe()

    assert launcher.main([str(writer), "/no/such/program"]) == 127

    assert capsys.readouterr().err == "/no/such/program: No such file or directory\n"
    os.close(reader)
