"""The counted size of an ended job is its true size in memory."""

import gc
import tracemalloc
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec import json
from msgspec.structs import replace
from trio.testing import MockClock, wait_all_tasks_blocked

from legato.actors.conversation.turn import Prompt, Turn
from legato.actors.lifespan import open_supervisor
from legato.actors.local_jobs import LocalJobs
from legato.actors.production.event_builder import Positions, whole_step
from legato.actors.resources import JobResources
from legato.actors.stream.memory_sizes import EVENT_BYTES
from legato.actors.stream.packing import size_of
from legato.actors.subscription import Subscription
from legato.actors.supervisor import Supervisor
from legato.agents.definition import Agent
from legato.config import Limits
from legato.content import Message, ToolListPart
from legato.dialects.chat_completions import ChatCompletions
from legato.dialects.contract import Dialect
from legato.dialects.librechat import LibreChat
from legato.dialects.response_object import PREFIX
from legato.dialects.responses import ResponsesEncoder
from legato.events import BARE, Created
from legato.models.contract import ChatMessage, FinishReport, ModelEvent, ModelRequest, TextChunk
from legato.models.scripted import ScriptedModel
from legato.prove.records import FaultyRecords
from legato.requests import ApiRequest

DIALECTS: Mapping[str, Dialect] = {
    "librechat": LibreChat,
    "chat_completions": ChatCompletions,
    "responses": ResponsesEncoder,
}
TOOL = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}


class Sayer(ScriptedModel):
    """Says these texts, several at a time."""

    def __init__(self, texts: Sequence[str]) -> None:
        super().__init__("sayer")
        self._texts = texts

    @asynccontextmanager
    async def stream(
        self, request: ModelRequest
    ) -> AsyncIterator[AsyncIterator[Sequence[ModelEvent]]]:
        yield self._say()

    async def _say(self) -> AsyncIterator[Sequence[ModelEvent]]:
        for at in range(0, len(self._texts), 100):
            # A copy of each, as of what comes from a provider.
            yield [TextChunk(text[:1] + text[1:]) for text in self._texts[at : at + 100]]
        yield [FinishReport("stop")]


def turn(number: int, question: str = "Hi", echo: Mapping[str, Any] | None = None) -> Turn:
    own: Mapping[str, Any] = json.decode(json.encode(echo or {}))
    asked = ApiRequest(api="responses", user="ann", model="sayer", echo=own)
    said = (ChatMessage("user", question + str(number)),)
    return Turn(
        job_id=(job_id := f"01M846XJQTHKRR16F0RWQP{number:04}"),
        conversation_id=f"{PREFIX}{job_id}",
        message_id=f"{PREFIX}{job_id}-request",
        response_id=f"{PREFIX}{job_id}",
        user="ann",
        model="sayer",
        prompt=Prompt(api_request=asked, messages=said),
    )


async def read(supervisor: Supervisor, job_id: str, dialects: Iterator[str]) -> None:
    job = supervisor.whereis(job_id)
    assert job is not None
    for dialect in dialects:
        subscription = Subscription(job, dialect, "beginning")
        while not (await subscription.receive()).last:
            pass
        subscription.leave()


@asynccontextmanager
async def open_sayer(texts: Sequence[str], **limits: Any) -> AsyncIterator[Supervisor]:
    async with open_supervisor(
        JobResources(
            records=FaultyRecords(),
            models={"sayer": Sayer(texts)},
            dialects=DIALECTS,
            limits=Limits(**limits),
        )
    ) as supervisor:
        yield supervisor


@pytest.mark.parametrize(
    ("texts", "dialects", "more"),
    [
        ([], [], {}),
        (["w "] * 20, [], {}),
        (["w1 "] * 5000, [], {}),
        (["x" * 10_000] * 10, [], {}),
        (["é" * 10_000] * 10, ["librechat"], {}),
        (["x" * 10_000 + "😀"] * 10, ["librechat"], {}),
        (["w1 "] * 2000, list(DIALECTS), {}),
        (["w1 "] * 6000, ["responses"], {}),
        (["a"], [], {"question": "q" * 200_000}),
        (["a"], ["responses"], {"echo": {"tools": [TOOL] * 100, "instructions": "i" * 20_000}}),
    ],
)
async def test_it_is_counted_within_a_third(
    texts: Sequence[str],
    dialects: Sequence[str],
    more: Mapping[str, Any],
    autojump_clock: MockClock,
) -> None:
    async def run(number: int) -> None:
        started = LocalJobs(supervisor).start_now(turn(number, **more), "enqueue").job
        await started.ended()
        await read(supervisor, started.job_id, iter(dialects))

    async with open_sayer(texts) as supervisor:
        await run(0)
        [first] = supervisor.registry
        await supervisor.discard(first.turn.job_id)
        gc.collect()
        tracemalloc.start()
        try:
            for number in range(1, 9):
                await run(number)
            await wait_all_tasks_blocked()
            gc.collect()
            there = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        counted = supervisor.registry._retained_bytes

    assert counted == pytest.approx(there, rel=0.3)


async def test_who_reads_much_makes_room_of_the_oldest(autojump_clock: MockClock) -> None:
    async with open_sayer(["w1 "] * 3000, max_retained_bytes=400_000) as supervisor:
        for number in range(3):
            await LocalJobs(supervisor).start_now(turn(number), "enqueue").job.ended()
        await wait_all_tasks_blocked()
        assert len([*supervisor.registry]) == 3
        newest = turn(2).job_id
        await read(supervisor, newest, iter(DIALECTS))
        await wait_all_tasks_blocked()

        assert [job.turn.job_id for job in supervisor.registry] == [newest]


def test_what_was_asked_for_counts_where_the_log_has_it() -> None:
    large = "x" * 1000
    asked = replace(turn(0), prompt=None, text=large, instructions=large, parameters={"a": [large]})
    created = Created(Message(message_id="q", conversation_id="c", text=large), "r", "sayer")

    assert size_of(asked.queued()) > EVENT_BYTES + 3000
    assert size_of(asked.resumable(created)) > EVENT_BYTES + 3000
    assert size_of(created) < EVENT_BYTES + 1200


def test_the_agents_of_a_turn_count_where_the_log_has_them() -> None:
    agent = Agent(
        id="agent_1", version=1, name="Ada", model="sayer", instructions="x" * 5000,
        parameters={"stop": ["y" * 3000]},
    )  # fmt: skip
    bare = replace(turn(0), prompt=None)

    assert size_of(replace(bare, agents=(agent,)).queued()) > size_of(bare.queued()) + 8000


def test_a_list_of_tools_counts_where_the_log_has_the_list() -> None:
    tools = "x" * 4000
    listed = whole_step(Positions(), BARE, ToolListPart("clock", tools, agent_id="ada"))

    assert size_of(listed) > 4000
