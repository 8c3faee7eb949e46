"""Bodies of requests and replies of Chat Completions."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct, field

from legato.http.openai.callers import CANCEL_HEADER, KEY_HEADER
from legato.http.openai.leave import MOST
from legato.http.replies import EventStream

Metadata = Annotated[dict[str, str], Meta(max_length=16)]


class StreamOptions(Struct):
    """`include_usage`: the last chunk before the end has the number of tokens."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class DecisionBody(Struct):
    """A decision on a call of an earlier completion: `id` is of `pending` there.  `reason`: for the
    model."""

    id: Annotated[str, Meta(max_length=128)]
    approve: bool
    reason: str = ""


class LegatoFields(Struct):
    """Fields without a word in OpenAI's API."""

    decisions: Annotated[list[DecisionBody], Meta(max_length=MOST)] = []


class CompletionBody(Struct, kw_only=True):
    """`model` (one of `/v1/models`) and `messages` are needed.

    - Any field that is not listed here (`temperature`, `max_tokens`, `max_completion_tokens`,
      `stop`, `tools`, `tool_choice`, `response_format`, `logprobs`, `user`, …) is for the model
      alone.
    - `messages` are all that the model reads.  Nothing is stored, so `store`, `metadata`, and
      LibreChat's `conversation_id` and `parent_message_id` are accepted without effect.
    - `n`: the number of choices, 1 to 8; in a stream, or where an agent answers, only 1.  Each
      choice is a generation, and `usage` has the tokens of all.
    - `functions` and `function_call`, the form of tools before there were tools, are handed on as
      `tools` and `tool_choice`, and the answer has a `function_call`.
    - `cancel_on_disconnect`: whether a client that leaves before the end stops the generation.
      True by default, or false with an `Idempotency-Key`, because such a client means to come
      back.
    - `legato.decisions`: decisions on the calls that are `pending` in an earlier completion.  The
      agent goes on from these calls, behind the messages.
    """

    model: Annotated[str, Meta(examples=["scripted"])] | None = None
    messages: list[dict[str, Any]] | None = None
    n: int | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: list[dict[str, Any]] | None = None
    functions: list[dict[str, Any]] | None = None
    function_call: Any = None
    store: bool | None = None
    metadata: Metadata | None = None
    conversation_id: Any = None
    parent_message_id: Any = None
    cancel_on_disconnect: bool | None = None
    legato: LegatoFields | None = None


OURS: Final = frozenset(CompletionBody.__struct_fields__) - {"tools"}
"""The fields that the model does not get."""


class CompletionHeaders(Struct):
    idempotency_key: Annotated[
        str | None, Meta(description="The same again joins the generation that it started first.")
    ] = field(default=None, name=KEY_HEADER)
    cancel_on_disconnect: Annotated[
        Literal["true", "false"] | None, Meta(description="As the field, which counts before it.")
    ] = field(default=None, name=CANCEL_HEADER)


class PlaceQuery(Struct):
    after: Annotated[
        str | None, Meta(description="The cursor seen last: only what came after it.")
    ] = None


class Completion(Struct, kw_only=True):
    """OpenAI's `chat.completion`; a model's thoughts are in `reasoning_content`."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: Sequence[Mapping[str, Any]]
    usage: Mapping[str, Any]
    system_fingerprint: str | None = None


class CompletionStream(EventStream):
    """Server-sent events: `chat.completion.chunk` objects, then `[DONE]`.

    Every chunk has a cursor as `id`, except for the last chunks, for which `[DONE]` has the cursor.
    A failed completion has `{"error": …}` before `[DONE]`.  The body ends cleanly after `[DONE]`,
    and never otherwise.
    """


class CancelReply(Struct, kw_only=True):
    """The generation's end.  `cancelled`: this request stopped the generation, still running.

    `completion` is the answer as far as generated, null without an answer; `error` says why the
    answer is not whole.  `cursor`: the position at which the reply is true: the ending's, once
    the ending is said.
    """

    id: str
    cursor: str
    cancelled: bool
    status: Literal["finished", "stopped", "failed"]
    completion: Mapping[str, Any] | None
    error: Mapping[str, str | None] | None
    object: Literal["chat.completion.outcome"] = "chat.completion.outcome"
