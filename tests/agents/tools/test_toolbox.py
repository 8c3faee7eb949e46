import json
import subprocess
import sys
from pathlib import Path

import pytest

from legato.agents.tools.toolbox import OwnFirst, open_toolbox
from legato.config import ActionSettings, ConfigError, FunctionSettings, McpSettings, Settings
from legato.storage.memory.records import MemoryRecords
from tests.support.agents import CountedTool, ListToolbox
from tests.support.openapi import PETS

OPEN = """
import sys, trio
from legato.agents.tools.toolbox import OwnFirst, open_toolbox
from legato.config import Settings

async def main():
    async with open_toolbox(Settings()):
        print(*sys.modules)

trio.run(main)
"""


async def test_each_name_is_asked_of_its_kind_and_once() -> None:
    tables = {"slow": FunctionSettings(target="tests.support.functions:slow")}
    names = ["slow", "slow", "now_mcp_clock", "list_action_example", "gone"]
    async with open_toolbox(Settings(functions=tables)) as toolbox:
        offer = await toolbox.offer(names, "ada")

    assert [tool.definition.name for tool in offer.tools] == ["slow"]
    assert offer.missing == {
        "now_mcp_clock": "no tools are configured",
        "list_action_example": "no tools are configured",
        "gone": "there is no such function; there are: slow",
    }


def test_who_has_no_mcp_server_does_not_import_the_package() -> None:
    done = subprocess.run([sys.executable, "-c", OPEN], capture_output=True, text=True, check=True)

    assert "legato.agents.tools.toolbox" in done.stdout.split()
    assert "mcp" not in done.stdout.split()


async def test_a_missing_package_is_named_with_the_way_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "legato.agents.tools.mcp.toolbox", None)
    settings = Settings(mcp={"clock": McpSettings(command="true")})

    with pytest.raises(
        ConfigError, match=r"^mcp: MCP servers need the package .*pip install ..\[mcp\]"
    ):
        async with open_toolbox(settings):
            pass


async def test_servers_that_are_configured_are_asked() -> None:
    settings = Settings(mcp={"clock": McpSettings(command="/no/such/program")})
    async with open_toolbox(settings) as toolbox:
        offer = await toolbox.offer(["now_mcp_clock"], "ada")
        assert toolbox.names == ["sys__all__sys_mcp_clock", "ask_user"]

    assert offer.missing["now_mcp_clock"].startswith("the MCP server 'clock' is not there: ")


async def test_documents_that_are_configured_are_asked(tmp_path: Path) -> None:
    document = tmp_path / "pets.json"
    document.write_text(json.dumps({**PETS, "servers": [{"url": "https://pets.example/v1"}]}))
    table = ActionSettings(document=str(document), domain="pets.example")
    async with open_toolbox(Settings(actions={"pets": table})) as toolbox:
        offer = await toolbox.offer(["getPet_action_pets_example"], "ada")
        assert "getPet_action_pets_example" in toolbox.names

    assert [tool.definition.name for tool in offer.tools] == ["getPet_action_pets_example"]


async def test_names_that_lead_nowhere_are_told_from_tools_that_are_away(tmp_path: Path) -> None:
    document = tmp_path / "pets.json"
    document.write_text(json.dumps({**PETS, "servers": [{"url": "https://pets.example/v1"}]}))
    settings = Settings(
        mcp={"clock": McpSettings(command="/no/such/program")},
        functions={"slow": FunctionSettings(target="tests.support.functions:slow")},
        actions={"pets": ActionSettings(document=str(document), domain="pets.example")},
    )
    known = ["now_mcp_clock", "sys__all__sys_mcp_clock", "slow", "getPet_action_pets_example"]
    async with open_toolbox(settings, MemoryRecords().actions) as toolbox:
        unknown = toolbox.unknown([*known, "now_mcp_gone", "fast", "get_action_gone"])

    assert {name: reason[:40] for name, reason in unknown.items()} == {
        "now_mcp_gone": "there is no MCP server 'gone'; there are",
        "get_action_gone": "there is no such action; there are: getP",
        "fast": "there is no such function; there are: sl",
    }


async def test_a_servers_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOWHERE_KEY", raising=False)
    far = McpSettings(url="http://127.0.0.1:9/mcp", headers={"Authorization": "${NOWHERE_KEY}"})

    with pytest.raises(ConfigError, match=r"^mcp\.far\.headers: .* NOWHERE_KEY is not set"):
        async with open_toolbox(Settings(mcp={"far": far})):
            pass


async def test_an_agents_own_tools_come_first() -> None:
    own, others = ListToolbox(CountedTool("a")), ListToolbox(CountedTool("a"), CountedTool("b"))
    toolbox = OwnFirst(own, others)
    offer = await toolbox.offer(["a", "b", "c"], "ann")

    assert toolbox.names == ["a", "a", "b"]
    assert [tool.definition.name for tool in offer.tools] == ["a", "b"]
    assert offer.missing == {"c": "not configured"}
    assert toolbox.unknown(["a", "b", "c"]) == {"c": "not configured"}
