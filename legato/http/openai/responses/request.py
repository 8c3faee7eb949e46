"""A request to the Responses API: the paths, the body, and the fields' names for a model."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from legato.http.errors import InvalidField
from legato.http.openai.responses.input_items import Name

API: Final = "responses"
"""The name of the API: of its dialect, its endpoint and its requests' keys."""

PATHS: Final = ("/v1/responses", "/api/agents/v1/responses")

Key = Annotated[str, Meta(max_length=64)]
ServiceTier = Literal["auto", "default", "flex", "scale", "priority", "fast", "ultrafast"]
Metadata = Annotated[dict[Key, Annotated[str, Meta(max_length=512)]], Meta(max_length=16)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]


class PlainText(Struct, frozen=True, tag_field="type", tag="text"):
    pass


class JsonObject(Struct, frozen=True, tag_field="type", tag="json_object"):
    pass


class JsonSchema(Struct, frozen=True, tag_field="type", tag="json_schema"):
    name: Name
    schema: dict[str, Any]
    description: str | None = None
    strict: bool | None = None


class TextSettings(Struct, frozen=True):
    format: PlainText | JsonObject | JsonSchema | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class ReasoningSettings(Struct, frozen=True):
    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    summary: Literal["concise", "detailed", "auto"] | None = None


class ConversationName(Struct, frozen=True):
    id: Name


class ResponseBody(Struct, frozen=True, kw_only=True):
    """`model` and `input` are enough.  An unknown field is ignored, as by OpenAI's servers.

    `cancel_on_disconnect`: whether a client that leaves before the end stops a generation that is
    not in the background.  True by default, or false with an `Idempotency-Key`.
    """

    model: str | None = None
    input: str | list[Any] | None = None
    instructions: str | None = None
    previous_response_id: str | None = None
    conversation: ConversationName | Name | None = None
    stream: bool | None = None
    background: bool | None = None
    store: bool | None = None
    tools: list[Any] | None = None
    tool_choice: Any = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: Annotated[int, Meta(ge=1, le=2**53)] | None = None
    max_tool_calls: Annotated[int, Meta(ge=1, le=2**53)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    reasoning: ReasoningSettings | None = None
    text: TextSettings | None = None
    include: list[str] | None = None
    truncation: Literal["auto", "disabled"] | None = None
    metadata: Metadata | None = None
    service_tier: ServiceTier | None = None
    safety_identifier: Key | None = None
    prompt_cache_key: Key | None = None
    user: str | None = None
    prompt: Any = None
    cancel_on_disconnect: bool | None = None


SAME: Final = (
    "background",
    "frequency_penalty",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "parallel_tool_calls",
    "presence_penalty",
    "previous_response_id",
    "prompt_cache_key",
    "safety_identifier",
    "temperature",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
)
"""Fields that the response object repeats unchanged."""

SAMPLING: Final[Mapping[str, str]] = {
    "temperature": "temperature",
    "top_p": "top_p",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "max_output_tokens": "max_tokens",
}
"""Fields that are handed on to the model, with the names in Chat Completions."""


LOGPROBS: Final = "message.output_text.logprobs"
"""What `include` asks for the logprobs by; nothing else in `include` has an effect."""


def wants_logprobs(body: ResponseBody) -> bool:
    return LOGPROBS in (body.include or ())


def check(body: ResponseBody) -> None:
    """Check the rules that concern several fields.

    Raises:
        InvalidField: where fields contradict each other, or a field is not served here.
    """
    if body.background and body.store is False:
        raise InvalidField("store", "found false; a response in the background must be stored")
    if body.previous_response_id is not None and body.conversation is not None:
        raise InvalidField("conversation", "is not allowed beside previous_response_id")
    if body.prompt is not None:
        raise InvalidField("prompt", "there are no prompt templates here; use instructions")
    if not (body.input or body.previous_response_id is not None or body.conversation):
        raise InvalidField("input", "a text or a list of items is needed")
