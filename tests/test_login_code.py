"""A login link for other devices: an address that they reach, and a QR code where it fits."""

import io
import sys
from collections.abc import Callable
from contextlib import redirect_stdout

import pytest
import segno

from legato.demo import invite, renew
from legato.login_code import BORDER, NORMAL, WHITE_ON_BLACK, qr_code, url_for_others

LINK = "http://192.168.1.7:8000/login?token=" + 43 * "x"
Said = Callable[[Callable[[], None]], str]
MODULES = {"█": (0, 0), "▀": (0, 1), "▄": (1, 0), " ": (1, 1)}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Said:
    """Return all that a function prints in a terminal of 80 columns."""

    def said(say: Callable[[], None]) -> str:
        with redirect_stdout(Terminal()) as terminal:
            say()
        return terminal.getvalue()

    monkeypatch.setenv("COLUMNS", "80")
    return said


def lines_of(code: str) -> list[str]:
    lines = code.removesuffix("\n\n").split("\n")
    assert all(line.startswith(WHITE_ON_BLACK) and line.endswith(NORMAL) for line in lines)
    return [line.removeprefix(WHITE_ON_BLACK).removesuffix(NORMAL) for line in lines]


def test_a_code_has_the_modules_of_the_link() -> None:
    pairs = [[MODULES[each] for each in line] for line in lines_of(qr_code(LINK, 80))]
    rows = [[pair[half] for pair in line] for line in pairs for half in (0, 1)]

    wanted = [*map(list, segno.make(LINK, error="l").matrix_iter(border=BORDER))]
    assert rows == [*wanted, [0] * len(wanted[0])]


def test_a_terminal_that_is_too_narrow_gets_no_code() -> None:
    width = len(lines_of(qr_code(LINK, 80))[0])

    assert qr_code(LINK, width) == qr_code(LINK, 80)
    assert qr_code(LINK, width - 1) == ""


def test_a_link_that_others_reach_is_shown_as_a_code_too(said: Said) -> None:
    code = qr_code(LINK, 80)
    invited = said(lambda: invite(LINK, browser=False))

    assert code
    assert LINK in invited
    assert invited.endswith(code)
    assert said(lambda: renew(LINK)) == f"  A new link:  {LINK}\n{code}"


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_a_link_for_this_machine_alone_is_shown_as_it_is(said: Said, host: str) -> None:
    link = f"http://{host}:8000/login?token=x"

    assert said(lambda: renew(link)) == f"  A new link:  {link}\n"


def test_what_is_no_terminal_gets_no_code(capsys: pytest.CaptureFixture[str]) -> None:
    renew(LINK)

    assert capsys.readouterr().out == f"  A new link:  {LINK}\n"


def test_without_the_library_there_is_the_link_alone(
    said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "segno", None)

    assert said(lambda: renew(LINK)) == f"  A new link:  {LINK}\n"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "http://192.168.1.7:8000", "http://box:80", "http://[::1]:1"]
)
def test_a_host_that_is_an_address_stays(url: str) -> None:
    assert url_for_others(url) == url


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]"])
def test_all_addresses_become_one_that_can_be_opened(host: str) -> None:
    found = url_for_others(f"http://{host}:8000")

    assert host not in found
    assert found.startswith("http://")
    assert found.endswith(":8000")


def test_a_machine_without_a_network_is_reached_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("legato.login_code._own_address", lambda family: None)

    assert url_for_others("http://0.0.0.0:8000") == "http://127.0.0.1:8000"
    assert url_for_others("http://[::]:8000") == "http://[::1]:8000"
