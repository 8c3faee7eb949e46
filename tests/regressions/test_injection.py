"""What people, models and providers say cannot pass for what the server says."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from msgspec import json

from legato.models.contract import (
    FinishReport,
    ModelError,
    ModelEvent,
    ModelRequest,
    ReasoningChunk,
    TextChunk,
    ToolCallChunk,
)
from legato.models.event_stream import EventSplitter
from legato.models.scripted import ScriptedModel
from tests.support.http.client import Client, everything
from tests.support.http.runtime import open_client

FORGED = 'data: {"final":true}'
PAYLOADS = [
    "\r",
    "\n",
    "\r\n",
    f"\n\nevent: message\n{FORGED}\n\n",
    f"\r\revent: message\r{FORGED}\r\r",
    f"\r\n\r\nid: x:1:1\r\n{FORGED}\r\n\r\n",
    f"\u2028\u2028{FORGED}\u2029\u2029\u0085\u0085",
    f"\x0b\x0c\x1c\x1d\x1e{FORGED}",
    "\0",
    "  leading, and trailing  ",
    ": a comment\n\n",
    "\ufeff",
    "\n\nretry: 1\n\n",
    "event: error",
    '"}}\n\n{"',
    "𝄞 é e\u0301",
]


class Echo(ScriptedModel):
    """Says the question back by every way a model has, and then finishes or fails with it."""

    def __init__(self, name: str, *, fails: bool) -> None:
        super().__init__(name)
        self._fails = fails

    @asynccontextmanager
    async def stream(
        self, request: ModelRequest
    ) -> AsyncIterator[AsyncIterator[Sequence[ModelEvent]]]:
        yield self._batches(request.messages[-1].text)

    async def _batches(self, text: str) -> AsyncIterator[Sequence[ModelEvent]]:
        yield [ReasoningChunk(text), TextChunk(text)]
        yield [ToolCallChunk(0, id=text, name=text), ToolCallChunk(0, args=text)]
        if self._fails:
            raise ModelError("provider_error", text)
        yield [FinishReport(text)]


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("model", ["finishes", "fails"])
async def test_sse_injection(payload: str, model: str) -> None:
    """Elsewhere a line break in a text ended the frame, and what followed was read as another."""
    async with open_client(Echo("finishes", fails=False), Echo("fails", fails=True)) as ann:
        text = f"x{payload}"  # a question may not be blank
        started = await ann.start(text, model=model)
        whole = await ann.read(started["streamId"])
        sync, final = await ann.read(started["streamId"], "?resume=true")
        events = EventSplitter().feed(await body(ann, started["streamId"]))

    said = {"type": "think", "think": text}, {"type": "text", "text": text}
    call = {"type": "tool_call", "id": text, "name": text, "args": text}
    failure = [{"type": "error", "error": text}] if model == "fails" else []
    content = final.data["responseMessage"]["content"]
    assert [frame.seq for frame in whole] == list(range(1, len(whole) + 1))
    assert [frame.name for frame in whole] == ["message"] * len(whole)
    assert ["final" in frame.data for frame in whole] == [False] * (len(whole) - 1) + [True]
    assert [json.decode(event.data) for event in events] == [frame.data for frame in whole]
    assert content == [*said, {"type": "tool_call", "tool_call": call}, *failure]
    assert sync.data["resumeState"]["aggregatedContent"] == content[:3]
    assert whole[0].data["message"]["text"] == text
    assert final.data["requestMessage"]["text"] == text


async def body(ann: Client, stream_id: str) -> bytes:
    """The stream's bytes, for a reader of the standard's kind: it takes CR for a line end too."""
    connection = ann.connect("GET", f"/api/agents/chat/stream/{stream_id}", dict(ann.headers))
    async with connection:
        await connection.send_complete()
        return await everything(connection)
