"""Asking a model in one line."""

from collections.abc import Sequence

from legato.models.contract import (
    ChatMessage,
    Json,
    Model,
    ModelEvent,
    ModelRequest,
    ReasoningChunk,
    TextChunk,
)


def request(text: str = "Hello", /, **parameters: Json) -> ModelRequest:
    return ModelRequest((ChatMessage("user", text),), parameters)


async def ask(model: Model, request: ModelRequest) -> list[Sequence[ModelEvent]]:
    """All batches of an answer that have something in them."""
    async with model.stream(request) as batches:
        return [batch async for batch in batches if batch]


async def collect(model: Model, request: ModelRequest, seen: list[ModelEvent]) -> None:
    """Append to `seen` as the answer comes, for what is left of it after an error."""
    async with model.stream(request) as batches:
        async for batch in batches:
            seen.extend(batch)


async def ask_flat(model: Model, request: ModelRequest) -> list[ModelEvent]:
    return [event for batch in await ask(model, request) for event in batch]


def text_of(events: Sequence[ModelEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextChunk))


def reasoning_of(events: Sequence[ModelEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, ReasoningChunk))
