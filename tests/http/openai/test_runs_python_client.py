"""Agents with tools through OpenAI's own client for Python, unchanged, on a real server."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam

from tests.support.http.live_server import LiveServer
from tests.support.openai.runs import FORECAST, THEIRS, agents_served
from tests.support.openai.sdk import with_client

HI: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hi"}]
TOOL: Any = {
    "type": "function",
    "function": {"name": THEIRS, "strict": True, "parameters": {"type": "object"}},
}
MADE = {
    "id": "call_0_0",
    "name": "weather",
    "arguments": '{"place": {"town": "Paris"}}',
    "output": FORECAST,
    "agent_id": "helper",
}


@pytest.fixture(params=[True, False], ids=["direct", "served"])
async def agents(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[LiveServer]:
    async with agents_served(tmp_path, direct=request.param) as server:
        yield server


async def test_a_completion_has_the_text_of_the_run_and_no_calls_to_make(
    agents: LiveServer,
) -> None:
    def use(client: OpenAI) -> None:
        whole = client.chat.completions.create(model="helper", messages=HI)
        message = whole.choices[0].message
        assert message.content == "Let me look.\n\nIt rains."
        assert message.tool_calls is None
        assert whole.choices[0].finish_reason == "stop"
        assert message.model_dump()["legato"] == {"tool_calls": [MADE]}

    await with_client(agents, use)


async def test_a_streamed_completion_is_put_together_to_the_same(agents: LiveServer) -> None:
    def use(client: OpenAI) -> None:
        with client.chat.completions.stream(model="helper", messages=HI) as stream:
            final = stream.get_final_completion()
        message = final.choices[0].message
        assert message.content == "Let me look.\n\nIt rains."
        assert not message.tool_calls
        assert final.choices[0].finish_reason == "stop"
        assert message.model_dump()["legato"] == {"tool_calls": [{"index": 0, **MADE}]}

    await with_client(agents, use)


async def test_a_client_makes_its_own_calls_and_no_others(agents: LiveServer) -> None:
    def use(client: OpenAI) -> None:
        with client.chat.completions.stream(model="caller", messages=HI, tools=[TOOL]) as stream:
            final = stream.get_final_completion()
        [call] = final.choices[0].message.tool_calls or []
        assert call.function.name == THEIRS
        assert final.choices[0].finish_reason == "tool_calls"

        whole = client.chat.completions.create(model="caller", messages=HI, tools=[TOOL])
        message: Any = whole.choices[0].message
        assert [each.function.name for each in message.tool_calls] == [THEIRS]
        assert [each["name"] for each in message.legato["tool_calls"]] == ["weather"]

        result: Any = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "it"}
        sent_back: Any = message.model_dump(exclude_none=True)
        after = client.chat.completions.create(
            model="caller", messages=[*HI, sent_back, result], tools=[TOOL]
        )
        assert after.choices[0].message.content == "Found."

    await with_client(agents, use)


async def test_a_run_without_tools_has_no_field_of_ours(agents: LiveServer) -> None:
    def use(client: OpenAI) -> None:
        fast = {"tokens": 3, "rate": 0}
        whole = client.chat.completions.create(model="scripted", messages=HI, extra_body=fast)
        assert "legato" not in whole.choices[0].message.model_dump()

    await with_client(agents, use)
