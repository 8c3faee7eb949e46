"""The contract of a model: a stream of small events, in batches."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol, final

from msgspec import Struct

from legato.content import UrlCitation, Usage

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class ChatMessage(Struct, frozen=True):
    """A message in the words of Chat Completions.

    `content` is text, or a list of content parts, or None beside tool calls; `more` are the
    message's other fields (`tool_calls`, `tool_call_id`, `name`), handed on unread.
    `thoughts`: the assistant's thoughts before the message, for models that want thoughts back.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str | Sequence[Mapping[str, Any]] | None
    more: Mapping[str, Any] = {}
    thoughts: str = ""

    @property
    def text(self) -> str:
        """The text that a person reads."""
        if isinstance(self.content, str):
            return self.content
        texts = (part.get("text") for part in self.content or ())
        return "".join(text for text in texts if isinstance(text, str))


class ModelRequest(Struct, frozen=True):
    """`parameters` are the caller's own (temperature, max_tokens, …), handed on unread.

    `resumed`: the text of this very answer when a new process took the job over.  The last message
    ends with this text.  `calls_made`: how many model calls of the same run came before, where a
    steer came between, else 0.  `allowed_tools`: names of tools, allowed by somebody for all of the
    conversation.
    """

    messages: tuple[ChatMessage, ...]
    parameters: Mapping[str, Json] = {}
    resumed: str = ""
    calls_made: int = 0
    allowed_tools: frozenset[str] = frozenset()


@final
class TextChunk(Struct, frozen=True, gc=False):
    """Text of the answer."""

    text: str


@final
class LogprobsChunk(Struct, frozen=True, gc=False):
    """Text of the answer with the log probabilities of the tokens; see LogprobsDelta."""

    text: str
    logprobs: str


@final
class ReasoningChunk(Struct, frozen=True, gc=False):
    """Thoughts of the model."""

    text: str


@final
class RefusalChunk(Struct, frozen=True, gc=False):
    """Words in which the model refuses to answer."""

    text: str


class AnnotationChunk(Struct, frozen=True):
    """The text of the answer cites a page."""

    annotation: UrlCitation


class ToolCallChunk(Struct, frozen=True):
    """`index` counts the calls of this answer; `id`, `name` and whether it `is_custom` (a tool's
    whose input is any text) come with a call's first chunk."""

    index: int
    id: str = ""
    name: str = ""
    args: str = ""
    is_custom: bool = False


class UsageReport(Struct, frozen=True):
    usage: Usage


class FinishReport(Struct, frozen=True):
    """Why the model ended: stop, length, tool_calls, content_filter, or the provider's own word.

    `system_fingerprint` and `service_tier` are the provider's; "" where not given.
    """

    reason: str
    system_fingerprint: str = ""
    service_tier: str = ""


ModelEvent = (
    TextChunk
    | LogprobsChunk
    | ReasoningChunk
    | RefusalChunk
    | AnnotationChunk
    | ToolCallChunk
    | UsageReport
    | FinishReport
)


class ModelError(Exception):
    """A model could not answer, or not to the end.

    `reason` is for programs: invalid_parameters, provider_unreachable, provider_rejected,
    provider_rate_limited, provider_error, provider_cut, or a name that all providers' errors have
    in common: context_length_exceeded, content_filter, insufficient_quota.  The message is for
    people and carries no secret.  `status`: the HTTP status of a provider's refusal;
    `retry_after`: seconds until the provider wants to be asked again.
    """

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.status = status
        self.retry_after = retry_after


class Model(Protocol):
    """An entry of the `[models]` table.  Safe to use from many tasks at once."""

    @property
    def name(self) -> str: ...

    @property
    def max_context_tokens(self) -> int:
        """How much history fits, the answer not counted."""
        ...

    @property
    def writes_titles(self) -> bool:
        """Whether the model may be asked for a title; otherwise titles are made by rule."""
        ...

    @property
    def continues(self) -> bool:
        """Whether the model goes on from a last message of the assistant, instead of answering."""
        ...

    @property
    def reads_images(self) -> bool:
        """Whether messages may have images; a request with one is refused otherwise."""
        ...

    def count_tokens(self, text: str) -> int:
        """About how many tokens `text` is; never blocks, never fails."""
        ...

    def check(self, parameters: Mapping[str, Json]) -> None:
        """Whether a request with these parameters may start.

        Raises:
            ModelError: `invalid_parameters`: which one, what was found, what is allowed.
        """
        ...

    def stream(
        self, request: ModelRequest
    ) -> AbstractAsyncContextManager[AsyncIterator[Sequence[ModelEvent]]]:
        """Ask the model.  An item has all events of a read of the provider's connection.

        An item without events says that the provider is alive: a comment, a ping, or half an event
        came.  A FinishReport is the last event of the last item.
        Leaving the block closes the connection, even before the end of the answer.
        A stream that ends without a FinishReport was cut: the implementation raises.

        Raises:
            ModelError: on entry or while iterating.
        """
        ...
