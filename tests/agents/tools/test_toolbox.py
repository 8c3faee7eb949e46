import subprocess
import sys

from legato.agents.tools.toolbox import open_toolbox
from legato.config import FunctionSettings, Settings

OPEN = """
import sys, trio
from legato.agents.tools.toolbox import open_toolbox
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
