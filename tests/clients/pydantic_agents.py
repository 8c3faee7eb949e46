"""pydantic-ai: runs with a tool and a history, whole and as streams, by both of OpenAI's APIs."""

import asyncio
import os

from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider


def find(question: str) -> str:
    """Find an answer."""
    return f"42 is the answer to {question}"


async def main() -> None:
    provider = OpenAIProvider(base_url=os.environ["LEGATO_URL"], api_key=os.environ["LEGATO_KEY"])
    for kind in (OpenAIResponsesModel, OpenAIChatModel):
        agent = Agent(kind("played", provider=provider), tools=[find])
        first = await agent.run("Find it.")
        assert first.output == "It is 42.", first
        more = await agent.run("And again.", message_history=first.all_messages())
        assert more.output == "It is 42."
        async with Agent(agent.model).run_stream("Find it.") as streamed:
            words = [word async for word in streamed.stream_text(delta=True, debounce_by=None)]
        assert words == ["It is", " 42."], words


asyncio.run(main())
