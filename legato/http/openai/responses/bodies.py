"""Queries and bodies of replies of the Responses API."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from legato.http.openai.chat_completions.bodies import CompletionHeaders
from legato.http.replies import EventStream

ResponseHeaders = CompletionHeaders


class ResponseQuery(Struct):
    """`include` and `include_obfuscation` are taken and have no effect: creation decides.

    An absent field is unset, not None: a query could spell None as `null`, which is no number.
    """

    stream: Annotated[bool, Meta(description="Its events instead of what it is now.")] = False
    starting_after: (
        Annotated[
            int,
            Meta(ge=0, le=2**53, description="The `sequence_number` seen last: only what follows."),
        ]
        | UnsetType
    ) = UNSET


class ResponseObject(Struct, kw_only=True):
    """A `response` of OpenAI and Open Responses, always with every field."""

    id: str
    object: Literal["response"]
    created_at: int
    status: Literal["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]
    model: str
    output: Sequence[Mapping[str, Any]]


class ResponseStream(EventStream):
    """Server-sent events: `event` is the data's `type`, `sequence_number` counts from 0.

    `data: [DONE]` comes last.  The body ends cleanly after `[DONE]`, and never otherwise.
    """


class ResponseDeleted(Struct, kw_only=True):
    id: str
    object: Literal["response"] = "response"
    deleted: Literal[True] = True


class CompactionBody(Struct, kw_only=True):
    """`model`, and the conversation: `input`, or the chain that ends at `previous_response_id`."""

    model: str | None = None
    input: str | list[Any] | None = None
    previous_response_id: str | None = None
    instructions: str | None = None


class Compaction(Struct, kw_only=True):
    """`output` stands for the whole conversation: send `output` first, and new items after."""

    id: str
    created_at: int
    output: Sequence[Mapping[str, Any]]
    usage: Mapping[str, Any]
    object: Literal["response.compaction"] = "response.compaction"
