"""The parts before an agent's words: the change of the agent, and the lists of tools."""

from collections.abc import Sequence

from msgspec import UNSET, json

from legato.agents.introductions import MOST_BYTES, introduction, tool_lists
from legato.agents.tools.contract import ToolDefinition
from legato.agents.visits import Visit
from legato.content import AgentUpdate, AgentUpdatePart, Message, Part, ToolListPart
from legato.events import Created, Origin, Snapshot, StepStarted
from legato.requests import ApiRequest

NOW = ToolDefinition(name="now_mcp_clock", description="The time.", schema={"type": "object"})
QUESTION = Message(message_id="q", conversation_id="c")
LIST = ToolListPart(
    "clock",
    '[{"name":"now","description":"The time.","input_schema":{"type":"object"}}]',
    agent_id="ada",
)


def snapshot(api: str = "responses", content: Sequence[Part] = (), *begun: StepStarted) -> Snapshot:
    asked = {"responses": ApiRequest(api="responses", user="u", model="m")}.get(api)
    created = Created(QUESTION, "r", "Ada", api_request=asked)
    return Snapshot(1, created, begun, tuple(content))


def test_the_first_agent_of_a_response_is_introduced_with_its_tools() -> None:
    assert introduction(Visit("ada"), snapshot(), [NOW], {}) == [LIST]


def test_tools_are_listed_for_responses_alone_and_once() -> None:
    assert introduction(Visit("ada"), snapshot("chat"), [NOW], {}) == []
    assert introduction(Visit("ada"), snapshot(content=[LIST]), [NOW], {}) == []


def test_a_later_agent_is_introduced_by_its_id() -> None:
    begun = StepStarted(0, "text", origin=Origin(0, "ada"))
    parts = introduction(Visit("bob"), snapshot("chat", (), begun), [], {})

    assert parts == [AgentUpdatePart(AgentUpdate(-1, "r", "bob"))]


def test_a_server_says_which_tools_are_missing_and_why() -> None:
    missing = {
        "later_mcp_clock": "there is no such tool",
        "sys__all__sys_mcp_files": "it is not there",
    }
    clock, files = tool_lists("ada", [NOW], missing)

    assert (clock.server, clock.error) == ("clock", "later: there is no such tool")
    assert (files.server, files.tools, files.error) == ("files", "[]", "it is not there")


def test_of_a_long_list_the_rest_has_names_alone() -> None:
    long = "x" * (MOST_BYTES // 2)
    tools = [ToolDefinition(name=f"t{index}_mcp_clock", description=long) for index in range(3)]
    [listed] = tool_lists("ada", tools, {})
    first, *others = json.decode(listed.tools)

    assert listed.error is UNSET
    assert first["description"] == long
    assert others == [
        {"name": f"t{index}", "description": "", "input_schema": {"type": "object"}}
        for index in (1, 2)
    ]
