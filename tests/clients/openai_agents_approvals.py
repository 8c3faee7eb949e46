"""OpenAI's agents framework with an MCP server that Legato runs and that asks for approval."""

import asyncio
import os
from typing import Any

from agents import (
    Agent,
    HostedMCPTool,
    OpenAIResponsesModel,
    OpenAIResponsesWSModel,
    Runner,
    set_tracing_disabled,
)
from openai import AsyncOpenAI

CONFIG: Any = {
    "type": "mcp",
    "server_label": "odd",
    "server_url": "https://example.invalid",
    "require_approval": "always",
}


async def main() -> None:
    set_tracing_disabled(disabled=True)
    client = AsyncOpenAI(
        base_url=os.environ["LEGATO_URL"], api_key=os.environ["LEGATO_KEY"], max_retries=0
    )
    for kind in (OpenAIResponsesModel, OpenAIResponsesWSModel):
        await by_callback(kind("careful", client))
        await by_interruption(kind("careful", client))


async def by_callback(model: Any) -> None:
    asked: list[str] = []

    def approve(request: Any) -> Any:
        asked.append(request.data.name)
        return {"approve": True}

    tool = HostedMCPTool(tool_config=CONFIG, on_approval_request=approve)
    agent: Any = Agent(name="careful", model=model, tools=[tool])
    for by_id in (False, True):
        result = await Runner.run(agent, "Hi", auto_previous_response_id=by_id)
        assert result.final_output == "It said hello.", result
    assert asked == ["echo", "echo"]


async def by_interruption(model: Any) -> None:
    agent: Any = Agent(name="careful", model=model, tools=[HostedMCPTool(tool_config=CONFIG)])
    for is_approved in (True, False):
        result = await Runner.run(agent, "Hi")
        [interruption] = result.interruptions
        state = result.to_state()
        if is_approved:
            state.approve(interruption)
        else:
            state.reject(interruption)
        result = await Runner.run(agent, state)
        assert result.final_output == "It said hello.", result


asyncio.run(main())
