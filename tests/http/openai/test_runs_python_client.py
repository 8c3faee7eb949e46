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


async def test_a_response_streams_the_calls_of_a_real_mcp_server(tmp_path: Path) -> None:
    def use(client: OpenAI) -> None:
        with client.responses.stream(model="prober", input="Hi") as stream:
            events = list(stream)
            final = stream.get_final_response()
        names = [event.type.removeprefix("response.") for event in events]
        assert [event.sequence_number for event in events] == [*range(len(events))]
        assert names.count("mcp_list_tools.completed") == 2
        assert names.count("mcp_call.in_progress") == 2
        assert names.count("mcp_call.completed") == names.count("mcp_call.failed") == 1
        assert final.output_text == "Both at once.One failed."
        lists: list[Any] = [item for item in final.output if item.type == "mcp_list_tools"]
        calls: list[Any] = [item for item in final.output if item.type == "mcp_call"]
        assert [(each.server_label, [tool.name for tool in each.tools]) for each in lists] == [
            ("odd", ["echo", "fail"]),
            ("functions", ["weather"]),
        ]
        assert [(each.server_label, each.name, each.status) for each in calls] == [
            ("odd", "echo", "completed"),
            ("odd", "fail", "failed"),
        ]
        assert (calls[0].output, calls[1].output) == ("hello", None)
        assert calls[1].error.type == "mcp_tool_execution_error"
        again = client.responses.retrieve(final.id)
        ids: list[list[Any]] = [
            [getattr(item, "id", None) for item in each.output] for each in (again, final)
        ]
        assert ids[0] == ids[1]
        assert again.output[3] == final.output[3]

    async with agents_served(tmp_path, with_mcp=True) as server:
        await connected(server)
        await with_client(server, use)


async def connected(server: LiveServer) -> None:
    """Wait until the MCP server is there: a machine with much to do begins a process slowly."""
    offer = await server.runtime.toolbox.offer(["echo_mcp_odd"], "ann")
    while not offer.tools:
        offer = await server.runtime.toolbox.offer(["echo_mcp_odd"], "ann")


async def test_a_response_goes_on_from_the_calls_of_the_one_before(agents: LiveServer) -> None:
    def use(client: OpenAI) -> None:
        first = client.responses.create(model="helper", input="Hi")
        sent_back: Any = [item.model_dump() for item in first.output]
        more: Any = [*sent_back, {"role": "user", "content": "And?"}]
        assert client.responses.create(model="helper", input=more).status == "completed"
        after = client.responses.create(model="helper", input="And?", previous_response_id=first.id)
        assert after.output_text == "Let me look.It rains."

    await with_client(agents, use)


async def test_the_usage_of_a_run_is_the_sum_and_is_listed_by_model(agents: LiveServer) -> None:
    def use(client: OpenAI) -> None:
        whole: Any = client.chat.completions.create(model="first", messages=HI)
        [listed] = whole.usage.legato["models"]
        assert (listed["model"], listed["calls"]) == ("scripted", 2)
        assert listed["completion_tokens"] == whole.usage.completion_tokens == 5
        assert listed["prompt_tokens"] == whole.usage.prompt_tokens

        chunks: Any = client.chat.completions.create(
            model="first", messages=HI, stream=True, stream_options={"include_usage": True}
        )
        assert [*chunks][-1].usage.legato == whole.usage.legato

        response: Any = client.responses.create(model="first", input="Hi")
        [listed] = response.usage.legato["models"]
        assert listed["calls"] == 2
        assert listed["output_tokens"] == response.usage.output_tokens == 5

        bare = client.chat.completions.create(
            model="scripted", messages=HI, extra_body={"tokens": 3, "rate": 0}
        )
        assert bare.usage is not None
        assert "legato" not in bare.usage.model_dump()

    await with_client(agents, use)
