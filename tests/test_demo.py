"""The demo: a link that logs in, and a start without a model or a screen."""

import signal
from pathlib import Path

import pytest

from legato.config import Settings
from legato.demo import MODEL, has_screen, invite, with_clock, with_local_model
from tests.support.http.server_process import demo

SCRIPTED = """
[models.quick]
provider = "scripted"
"""


async def test_the_demo_prints_a_link_that_logs_in_once(tmp_path: Path) -> None:
    (tmp_path / "legato.toml").write_text(SCRIPTED)
    async with demo(tmp_path) as (server, link):
        async with await server.connect() as browser:
            await browser.ask("GET", link)
            head = await browser.head()
        await server.end(signal.SIGTERM)

    headers = dict(head.headers)
    assert head.status_code == 303
    assert headers[b"location"] == b"/"
    assert headers[b"set-cookie"].startswith(b"legato_session=")
    assert (tmp_path / ".legato" / "legato.db").exists()


def test_weights_that_are_there_make_the_default_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("legato.demo.obtain_weights", lambda: tmp_path / "some.gguf")
    settings = with_local_model(Settings())

    assert settings.default_model == MODEL
    assert settings.models[MODEL].model == str(tmp_path / "some.gguf")


def test_without_weights_the_demo_says_so_and_serves_scripted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))

    assert with_local_model(Settings()) == Settings()
    assert "Serving `scripted`" in capsys.readouterr().out


def test_without_the_engine_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    assert with_local_model(Settings()) == Settings()
    assert "legato[local]" in capsys.readouterr().out


def test_the_demo_has_an_agent_with_a_clock() -> None:
    settings = with_clock(Settings())

    assert settings.agents["clock"].tools == ("sys__all__sys_mcp_clock",)
    assert settings.mcp["clock"].args[0].endswith("clock.py")


def test_without_the_mcp_package_the_demo_has_no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    assert with_clock(Settings()) == Settings()


def test_a_browser_is_opened_where_there_is_a_screen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setenv("DISPLAY", ":0")
    invite("http://here/login?token=x", browser=True)
    invite("http://here/login?token=y", browser=False)

    assert opened == ["http://here/login?token=x"]
    assert "http://here/login?token=y" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("environment", "platform", "screen"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({}, "darwin", True),
        ({}, "win32", True),
    ],
)
def test_who_has_a_screen(environment: dict[str, str], platform: str, screen: bool) -> None:
    assert has_screen(environment, platform) is screen
