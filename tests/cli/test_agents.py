"""`legato agents`: the lines printed, the files, and the database afterwards."""

import os
import tomllib
from pathlib import Path

import pytest
import trio
from msgspec import json, to_builtins

from legato.agents.definition import Edge
from legato.agents.state import AgentState, SupportContact
from legato.cli import main
from legato.cli.toml import toml_of
from legato.storage.contracts.agents import PUBLIC, Grant, StoredAgent
from legato.storage.open import open_records

DATABASE = "sqlite:///.legato/legato.db"
CONFIGURATION = """
[agents.helper]
description = "Helps"
visible = ["bob"]

[mcp.clock]
command = "true"
"""
STATE = AgentState(
    name='Ada "the first" \\ é 🎼',
    instructions="Be brief.\nBe kind.\t\0\x7f",
    model="scripted",
    model_parameters={"tokens": 4, "odd key": {"x": [1, 2.5, True, {"y": "z"}]}, "none": None},
    tools=("now_mcp_clock",),
    edges=(Edge(origin="helper", target=("helper",)),),
    support_contact=SupportContact("Ann", "a@example.com"),
    recursion_limit=7,
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("LEGATO_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "legato.toml").write_text(CONFIGURATION)
    return tmp_path


def agents(*argv: str) -> int:
    return main(["agents", *argv])


def stored(agent_id: str) -> StoredAgent:
    async def read() -> StoredAgent:
        async with open_records(DATABASE) as records:
            (found,) = await records.agents.find([agent_id], [])
            return found.agent

    return trio.run(read)


def write(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    return name


def imported(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert agents("import", *argv, "--user", "bob") == 0

    return capsys.readouterr().out.strip()


@pytest.mark.parametrize("form", ["toml", "json"])
def test_an_exported_agent_is_imported_as_it_was(
    folder: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    first = imported(capsys, write(folder, "a.json", json.encode(STATE).decode()))
    assert agents("export", first, "--format", form) == 0
    text = capsys.readouterr().out
    second = imported(capsys, write(folder, f"b.{form}", text))

    parameters = dict(STATE.model_parameters)
    if form == "toml":  # which has no null
        del parameters["none"]
    assert stored(first).state == STATE
    assert to_builtins(stored(second).state) == {
        **to_builtins(STATE),
        "model_parameters": parameters,
    }
    assert (stored(second).author, stored(second).version) == ("bob", 1)


def test_what_is_written_as_toml_is_read_by_python() -> None:
    table = {"a": "x\x7f\0\"\\'\n", "b": [1, [2.5]], "c": {"d e": {"f": False}}, "g": []}

    assert tomllib.loads(toml_of({**table, "gone": None})) == table


def test_an_agent_is_changed_by_its_id(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = imported(capsys, write(folder, "a.toml", 'name = "Ada"\ninstructions = "x"\n'))
    changed = imported(capsys, write(folder, "b.toml", 'name = "Bea"\n'), "--id", made)

    assert changed == made
    state = stored(made)
    assert (state.version, state.state.name, state.state.instructions) == (2, "Bea", "x")


def test_agents_are_listed_and_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = imported(capsys, write(folder, "a.toml", 'name = "Ada"\n'))

    async def share() -> None:
        async with open_records(DATABASE) as records:
            await records.agents.share(made, [Grant(PUBLIC, 1)])

    trio.run(share)
    assert agents("list") == 0
    heading, first, second = capsys.readouterr().out.splitlines()
    assert heading.split() == ["ID", "AUTHOR", "CHANGED", "CATEGORY", "NAME"]
    assert first.split() == ["helper", "(configuration)", "general", "helper"]
    assert second.split()[:2] == [made, "bob"]
    assert second.endswith("Ada")
    assert agents("show", made) == 0
    shown = capsys.readouterr().out
    assert "version: 1 of 1\n" in shown
    assert "shared:  public (viewer), user bob (owner)\n" in shown
    assert '"name": "Ada"' in shown
    assert agents("show", "helper") == 0
    assert "visible: bob\n" in capsys.readouterr().out
    assert agents("export", "helper", "--format", "json") == 0
    assert json.decode(capsys.readouterr().out)["description"] == "Helps"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.toml", "name = ", "not a file of an agent"),
        ("a.json", "{", "not a file of an agent"),
        ("a.toml", "name = 1", "Expected `str"),
        ("a.toml", 'model = "gone"', "model: found 'gone'; allowed are scripted"),
        ("a.toml", "recursion_limit = 1000", "recursion_limit: found 1000; 1 to 100 are allowed"),
        ("a.toml", 'edges = [{from = "helper", to = "x"}]', "edges[0].to: found 'x'"),
        ("a.toml", "#" * 1_100_000, "found 1100000 bytes"),
        ("a.toml", 'tools = ["now_mcp_gone"]', "tools[0]: found 'now_mcp_gone'; there is no table"),
        (
            "a.toml",
            'tools = ["gone"]',
            "tools[0]: found 'gone'; there is no table [functions.gone]",
        ),
    ],
)
def test_a_file_that_is_no_agent_is_refused_in_a_line(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, said: str
) -> None:
    assert agents("import", write(folder, name, text), "--user", "bob") == 2

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"legato: {name}: ")
    assert said in captured.err
    assert captured.err.count("\n") == 1


def test_what_is_not_there_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (
        ["show", "agent_x"],
        ["export", "nobody"],
        ["import", write(folder, "a.toml", ""), "--user", "bob", "--id", "agent_x"],
    ):
        assert agents(*argv) == 2
        assert "allowed: what `legato agents list` shows" in capsys.readouterr().err
    assert agents("import", "gone.toml", "--user", "bob") == 2
    assert "gone.toml: cannot be read" in capsys.readouterr().err


def test_agents_in_memory_are_its_servers_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LEGATO_DATABASE_URL", "memory://")

    assert agents("list") == 2
    assert "found one in memory" in capsys.readouterr().err
