"""The tools that an agent could have, and whose credentials a tool has."""

from collections.abc import AsyncIterator

import pytest

from legato.config import AgentSettings, ConfigError, FunctionSettings
from legato.http.app import create_app
from legato.http.open import open_runtime
from tests.support.http.client import Client, bearer
from tests.support.http.runtime import open_house, settings_with

FUNCTIONS = {"weather": FunctionSettings(target="tests.support.functions:forecast")}
WEATHER = {
    "name": "weather",
    "pluginKey": "weather",
    "description": "Say how the weather will be.",
    "authenticated": True,
}


@pytest.fixture
async def ann() -> AsyncIterator[Client]:
    settings = settings_with(functions=FUNCTIONS)
    async with open_house(settings) as house:
        yield Client(create_app(settings, house), bearer("ann"))


async def test_every_tool_is_listed(ann: Client) -> None:
    reply = await ann.get("/api/agents/tools")

    assert reply.status == 200
    assert [each["pluginKey"] for each in reply.body] == ["ask_user", WEATHER["pluginKey"]]
    assert WEATHER in reply.body


async def test_no_call_is_made_by_hand(ann: Client) -> None:
    assert (await ann.get("/api/agents/tools/calls?conversationId=x")).body == []
    refused = await ann.post("/api/agents/tools/weather/call", {})

    assert refused.status == 404
    assert refused.body["message"] == (
        "weather: no tool is called by hand; an agent that has the tool calls it"
    )


async def test_a_tool_has_the_operator_s_credentials(ann: Client) -> None:
    reply = await ann.get("/api/agents/tools/weather/auth")
    gone = await ann.get("/api/agents/tools/clock/auth")

    assert reply.body == {"authenticated": True, "message": "system_defined"}
    assert gone.status == 404
    assert gone.body["message"] == "there is no tool 'clock' now"


async def test_a_stranger_sees_no_tools(ann: Client) -> None:
    assert (await Client(ann.app, {}).get("/api/agents/tools")).status == 401


async def test_a_configured_agent_has_no_tool_that_leads_nowhere() -> None:
    settings = settings_with(
        functions=FUNCTIONS, agents={"helper": AgentSettings(tools=("weather", "gone"))}
    )
    reason = "agents.helper.tools: found 'gone'; there is no such function; there are: weather"
    refused = pytest.RaisesExc(ConfigError, match=reason)
    with pytest.RaisesGroup(refused, flatten_subgroups=True):
        async with open_runtime(settings):
            pass
