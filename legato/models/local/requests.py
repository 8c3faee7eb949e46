"""The parameters and messages that the engine in this process takes.

llama.cpp parses requests with its own parsers for grammars, JSON schemas and templates.  A fault in
a parser ends the process with everybody's generations. Therefore the engine is sent only texts, and
numbers that were checked here.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Final, NoReturn

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from legato.models.contract import ChatMessage, Json, ModelError, ModelEvent, ModelRequest
from legato.models.openai import OpenAIModel

_Chance = Annotated[float, Meta(ge=0, le=1)]
_Penalty = Annotated[float, Meta(ge=-2, le=2)]
_Tokens = Annotated[int, Meta(ge=1, le=10**6)]
_Word = Annotated[str, Meta(min_length=1, max_length=256)]

ALLOWED: Final[Mapping[str, tuple[object, str]]] = {
    "temperature": (Annotated[float, Meta(ge=0, le=2)], "a number from 0 to 2"),
    "top_p": (_Chance, "a number from 0 to 1"),
    "min_p": (_Chance, "a number from 0 to 1"),
    "top_k": (Annotated[int, Meta(ge=0, le=1000)], "a whole number from 0 to 1000"),
    "max_tokens": (_Tokens, "a whole number from 1 to 1000000"),
    "max_completion_tokens": (_Tokens, "a whole number from 1 to 1000000"),
    "stop": (
        _Word | Annotated[list[_Word], Meta(max_length=4)],
        "a text of 1 to 256 characters, or up to 4 of them",
    ),
    "seed": (Annotated[int, Meta(ge=0, le=2**32 - 1)], "a whole number from 0 to 4294967295"),
    "presence_penalty": (_Penalty, "a number from -2 to 2"),
    "frequency_penalty": (_Penalty, "a number from -2 to 2"),
    "user": (Annotated[str, Meta(max_length=256)], "a text of up to 256 characters"),
}
"""The parameters with their allowed values.  Clients send `user` by themselves."""


class EngineModel(OpenAIModel):
    """A model of an engine of ours.  Parameters in the model's table are the operator's, and not
    checked."""

    def check(self, parameters: Mapping[str, Json]) -> None:
        super().check(parameters)
        for name, value in parameters.items():
            _check(name, value)

    @asynccontextmanager
    async def stream(
        self, request: ModelRequest
    ) -> AsyncIterator[AsyncIterator[Sequence[ModelEvent]]]:
        plain = [_plain(f"messages[{at}]", each) for at, each in enumerate(request.messages)]
        async with super().stream(replace(request, messages=tuple(plain))) as batches:
            yield batches


def _check(name: str, value: Json) -> None:
    if name not in ALLOWED:
        names = ", ".join(ALLOWED)
        _refuse(f"{name} is not taken by a model that runs in the server; allowed: {names}")
    kind, allowed = ALLOWED[name]
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        _refuse(f"{name} is {value!r:.80}; allowed: {allowed}")


def _plain(place: str, message: ChatMessage) -> ChatMessage:
    """A role and a text: anything else would be read by the template of the model."""
    if message.role == "tool" or message.more:
        fields = ", ".join(sorted(message.more)) or "the role tool"
        _refuse(f"{place} has {fields}; a model that runs in the server takes role and content")
    parts = () if isinstance(message.content, str) else message.content or ()
    if any(part.get("type") != "text" for part in parts):
        _refuse(f"{place}.content has more than text, which a model that runs in the server reads")
    return ChatMessage(message.role, message.text)


def _refuse(message: str) -> NoReturn:
    raise ModelError("invalid_parameters", message)
