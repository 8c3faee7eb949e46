"""The `[agents.<name>]` tables."""

from pathlib import Path

import pytest

from legato.agents.definition import Edge
from legato.config import AgentSettings, ConfigError, load_settings


def load(folder: Path, text: str) -> dict[str, AgentSettings]:
    file = folder / "legato.toml"
    file.write_text(text)
    return dict(load_settings({}, file).agents)


def test_a_table_is_an_agent(tmp_path: Path) -> None:
    agents = load(
        tmp_path,
        """
        [agents.helper]
        model = "scripted"
        name = "Ada"
        instructions = "Be brief."
        tools = ["now_mcp_clock", "sys__all__sys_mcp_files"]
        recursion_limit = 7
        visible = ["ann", "bob"]
        parameters = { tokens = 3 }
        edges = [{ to = "writer" }, { from = ["helper"], to = ["writer"], edgeType = "direct" }]

        [agents.writer]
        """,
    )

    assert agents["helper"] == AgentSettings(
        model="scripted",
        name="Ada",
        instructions="Be brief.",
        tools=("now_mcp_clock", "sys__all__sys_mcp_files"),
        recursion_limit=7,
        visible=("ann", "bob"),
        parameters={"tokens": 3},
        edges=(
            Edge(origin="helper", target="writer"),
            Edge(origin=("helper",), target=("writer",), edge_type="direct"),
        ),
    )
    assert agents["writer"] == AgentSettings()


def test_without_tables_there_are_no_agents(tmp_path: Path) -> None:
    assert load(tmp_path, "") == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[agents.a]\nmodel = 'gone'", "agents.a.model: found 'gone'; allowed: scripted"),
        ("[agents.a]\nmodle = 'x'", "agents.a.modle: no such setting; did you mean model?"),
        ("[agents.a]\nrecursion_limit = 0", "agents.a.recursion_limit: found 0; allowed: a whole"),
        (
            "[agents.a]\nrecursion_limit = 101",
            "agents.a.recursion_limit: found 101; allowed: 1 to limits.max_recursion, which is 100",
        ),
        ("[agents.a]\ntools = ['a b']", "agents.a.tools: found ['a b']; allowed: a list of"),
        ("[agents.a]\nvisible = 'nobody'", "agents.a.visible: found 'nobody'; allowed: \"every"),
        ("[agents.a]\nvisible = 1", "agents.a.visible: found 1; allowed: "),
        ("[agents.a]\nedges = [{ to = 'b' }]", "agents.a.edges: found 'b'; allowed: a"),
        ("[agents.a]\nedges = [{ too = 'a' }]", "agents.a.edges.too: no such setting; did you"),
        ("[agents.a]\nedges = [{}]", "agents.a.edges: found "),
        ("[agents.a]\nedges = [1]", "agents.a.edges: found [1]; allowed: a list of at most 32"),
        ("[agents.a]\nedges = 'b'", "agents.a.edges: found 'b'; allowed: a list of at most 32"),
        (
            "[agents.a]\nedges = [{ to = 'a', edgeType = 'direct' }]",
            "agents.a.edges: direct edges make a cycle: a → a",
        ),
        ("[agents.chat]", "agents.chat: the name is taken; taken are actions, categories, chat"),
        ("[agents.agent_x]", "agents.agent_x: the table's name: found 'agent_x'; allowed: 1 to 49"),
        ("[agents.'a b']", "agents.a b: the table's name: found 'a b'; allowed: 1 to 49 letters"),
        ("[agents.scripted]", "agents.scripted: a model has that name; allowed: another name"),
        ("[agents]\na = 1", "agents.a: found 1; allowed: a table"),
        ("agents = 1", "agents: found 1; allowed: a table"),
    ],
)
def test_a_table_that_cannot_be_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(tmp_path, text)

    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_the_limit_of_all_runs_can_be_raised(tmp_path: Path) -> None:
    agents = load(tmp_path, "[limits]\nmax_recursion = 200\n[agents.a]\nrecursion_limit = 200\n")

    assert agents["a"].recursion_limit == 200
