"""OpenAI's agents framework: runs with a tool, by both APIs, by WebSocket, in a conversation."""

import asyncio
import os
from typing import Any

from agents import (
    Agent,
    OpenAIChatCompletionsModel,
    OpenAIConversationsSession,
    OpenAIResponsesModel,
    OpenAIResponsesWSModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from openai import AsyncOpenAI


@function_tool  # type: ignore[untyped-decorator]
def find(question: str) -> str:
    """Find an answer."""
    return f"42 is the answer to {question}"


async def main() -> None:
    set_tracing_disabled(disabled=True)
    client = AsyncOpenAI(
        base_url=os.environ["LEGATO_URL"], api_key=os.environ["LEGATO_KEY"], max_retries=0
    )
    for kind in (OpenAIResponsesModel, OpenAIChatCompletionsModel, OpenAIResponsesWSModel):
        agent: Any = Agent(name="finder", model=kind("played", client), tools=[find])
        first = await Runner.run(agent, "Find it.")
        assert first.final_output == "It is 42.", first
        again = [*first.to_input_list(), {"role": "user", "content": "And again."}]
        assert (await Runner.run(agent, again)).final_output == "It is 42."
        streamed = Runner.run_streamed(agent, "Find it.")
        kinds = {event.type async for event in streamed.stream_events()}
        assert kinds > {"raw_response_event", "run_item_stream_event"}, kinds
        assert streamed.final_output == "It is 42."

    agent = Agent(name="finder", model=OpenAIResponsesModel("played", client), tools=[find])
    session = OpenAIConversationsSession(openai_client=client)
    for question in ("Find it.", "And again."):
        assert (await Runner.run(agent, question, session=session)).final_output == "It is 42."
    kept = [item["type"] for item in await session.get_items()]
    turn = ["message", "message", "function_call", "function_call_output", "message"]
    assert kept == [*turn, *turn], kept
    await session.clear_session()

    first = await Runner.run(agent, "Find it.", auto_previous_response_id=True)
    more = await Runner.run(agent, "And again.", previous_response_id=first.last_response_id)
    assert more.final_output == "It is 42."


asyncio.run(main())
