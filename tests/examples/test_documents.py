"""The examples of the documents, run as printed beside a demo."""

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import trio

from legato.demo import MODEL
from tests.support.http.server_process import ROOT, ServerProcess, demo, environment

# The demo's model under its name, without its weights.
NAMED = f'[models.{MODEL}]\nprovider = "scripted"\n'


def examples(page: str, language: str) -> Iterator[str]:
    text = (ROOT / "docs" / page).read_text()
    yield from re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


async def run(server: ServerProcess, folder: Path, *command: str, **variables: str) -> str:
    """Standard output of a program that speaks to the server where the example says port 8000."""
    given = [word.replace(":8000", f":{server.port}") for word in command]
    ended = await trio.run_process(
        given, capture_stdout=True, cwd=folder, env=environment(variables)
    )
    return ended.stdout.decode()


def with_legato(example: str) -> str:
    """The example in a shell whose `legato` is this Python's, as in an activated environment."""
    start = "import sys; from legato.cli import main; sys.exit(main())"
    command = f"{shlex.quote(sys.executable)} -c {shlex.quote(start)}"
    return f'legato() {{ {command} "$@"; }}\n' + example.replace(". .venv/bin/activate\n", "")


async def test_the_chat_by_hand_brings_its_answer(tmp_path: Path) -> None:
    (tmp_path / "legato.toml").write_text(NAMED)
    example, _ = examples("routes.md", "sh")
    async with demo(tmp_path) as (server, _):
        told = await run(server, tmp_path, "/bin/bash", "-c", with_legato(example))

    assert told.startswith("event: message\ndata: ")
    assert "\nid: " in told
    assert '"final":true' in told


async def test_the_events_of_all_conversations_are_told_as_printed(tmp_path: Path) -> None:
    (tmp_path / "legato.toml").write_text(NAMED)
    by_hand, example = examples("routes.md", "sh")
    token = "\n".join(by_hand.splitlines()[:2]) + "\n"
    async with demo(tmp_path) as (server, _):
        told = await run(server, tmp_path, "/bin/bash", "-c", with_legato(token + example))

    assert told.startswith("event: reset\ndata: ")
    assert re.findall(r"^event: (.*)$", told, re.MULTILINE)[1:3] == ["started", "ended"]


async def test_a_queue_is_reordered_and_an_answer_steered_as_printed(tmp_path: Path) -> None:
    (tmp_path / "legato.toml").write_text(NAMED)
    queue, steer, *_ = examples("steering.md", "sh")
    async with demo(tmp_path) as (server, _):
        told = await run(server, tmp_path, "/bin/bash", "-c", with_legato(queue + steer))

    assert '"position":1' in told
    assert '"cancelled":true' in told
    assert re.findall(r'"text": "(.*)"', told) == ["Fourth?", "Third?"]
    assert re.search(r'"status": "(queued|applied)"', told)
    assert '"steer":"Begin again, please."' in told


async def test_openai_s_client_answers_and_comes_back_as_printed(tmp_path: Path) -> None:
    (tmp_path / "legato.toml").write_text(NAMED)
    key_example = next(examples("openai.md", "sh"))
    async with demo(tmp_path) as (server, _):
        asked = with_legato(key_example) + 'printf %s "$KEY"'
        key = await run(server, tmp_path, "/bin/bash", "-c", asked)
        answered, came_back = [
            await run(server, tmp_path, sys.executable, "-c", example, KEY=key, EXTRAS="mcp")
            for example in examples("openai.md", "python")
        ]

    assert answered.startswith("w0 w1 ")
    assert came_back.startswith("11 response.")
    assert came_back.endswith(" response.completed\n")


async def test_an_agent_reads_the_clock_as_printed(tmp_path: Path) -> None:
    tables, *_ = examples("tools.md", "toml")
    example, *_ = examples("tools.md", "sh")
    settings = tables.replace('"python3"', f'"{sys.executable}"')
    settings = settings.replace("examples/tools", str(ROOT / "examples" / "tools"))
    (tmp_path / "legato.toml").write_text(NAMED + settings)
    async with demo(tmp_path, EXTRAS="mcp") as (server, _):
        told = await run(server, tmp_path, "/bin/bash", "-c", with_legato(example))

    assert '"name":"now_mcp_clock"' in told
    assert " UTC" in told


async def test_the_demo_s_agent_calls_its_tools_as_printed(tmp_path: Path) -> None:
    (tmp_path / "legato.toml").write_text(NAMED)
    _, example, *_ = examples("agents.md", "sh")
    begun = 'AUTH="Authorization: Bearer $(legato token --user ann)"\n'
    async with demo(tmp_path) as (server, _):
        told = await run(server, tmp_path, "/bin/bash", "-c", with_legato(begun + example))

    assert told.count("on_run_step_completed") == 2
    assert '"output":"42"' in told
