"""Parts, messages, conversations and usage.  The structs define the names on the wire.  Pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal

from msgspec import UNSET, Struct, UnsetType, field

NO_PARENT: Final = "00000000-0000-0000-0000-000000000000"
"""The parent of a first message."""

NEW_CHAT: Final = "New Chat"
"""The title of a conversation without a title of its own."""


class AgentPart(Struct, frozen=True, kw_only=True, rename="camel", tag_field="type"):
    """A part that a model made.  `agent_id` and `group_id` say who had the model called: see
    StepStarted."""

    agent_id: str | UnsetType = UNSET
    group_id: int | UnsetType = UNSET


class UrlCitation(Struct, frozen=True):
    """A page cited by a text.

    `start_index`, `end_index`: the citing characters of the text, the end excluded; 0 where the
    provider did not say, because OpenAI's types have no null there.
    """

    url: str
    title: str = ""
    start_index: int = 0
    end_index: int = 0


class TextPart(AgentPart, frozen=True, tag="text"):
    """Text of an answer.  `kind`: unset, or the text is the model's refusal to answer.

    `logprobs`: see LogprobsDelta; only in answers to requests of an API for logprobs.
    """

    text: str
    kind: Literal["refusal"] | UnsetType = UNSET
    logprobs: str | UnsetType = UNSET
    annotations: tuple[UrlCitation, ...] | UnsetType = UNSET


class ThinkPart(AgentPart, frozen=True, tag="think"):
    think: str


class Leave(Struct, frozen=True):
    """Leave for a call in an answer of OpenAI's APIs, where no run can wait for a decision.

    The run ends, and a later request has the decision.  `approve` is None until then.
    `request_id`: the id under which leave was asked for; "" in the answer that asks first.
    `reason` is for the model.
    """

    request_id: str = ""
    approve: bool | None = None
    reason: str = ""


class ToolCall(Struct, frozen=True, tag_field="type", tag="tool_call"):
    """A call the model asked for.  `args` is JSON text, whole only when the model finished it.

    `kind`: unset for a function; the `args` of a custom tool are any text.  `is_error`: the output
    tells of a failure.  `by_caller`: the caller of an API makes the call, though an agent answers;
    an agent's run makes all other calls.  `always_allowed`: the user allowed the tool for all of
    the conversation.  `leave`: set for a call that needs leave, in OpenAI's APIs.  `task`: there
    while the call goes on as a task of its server, which has this name.
    """

    id: str
    name: str
    args: str = ""
    output: str | UnsetType = UNSET
    progress: float | UnsetType = UNSET
    kind: Literal["custom"] | UnsetType = UNSET
    always_allowed: bool | UnsetType = UNSET
    is_error: Literal[True] | UnsetType = UNSET
    by_caller: Literal[True] | UnsetType = UNSET
    task: str | UnsetType = UNSET
    leave: Leave | UnsetType = UNSET

    @property
    def is_undecided(self) -> bool:
        """Whether nobody has decided yet on the leave that the call needs."""
        return self.leave is not UNSET and self.leave.approve is None


class ToolCallPart(AgentPart, frozen=True, rename=None, tag="tool_call"):
    tool_call: ToolCall

    @property
    def is_made_here(self) -> bool:
        """Whether the agent's run makes the call, and not the caller of an API."""
        return self.agent_id is not UNSET and not self.tool_call.by_caller


class AgentUpdate(Struct, frozen=True, rename="camel"):
    """Another agent goes on, from the part at `index`.  `run_id`: the answer's id, as in
    LibreChat."""

    index: int
    run_id: str
    agent_id: str


class AgentUpdatePart(Struct, frozen=True, tag_field="type", tag="agent_update"):
    agent_update: AgentUpdate


class ToolListPart(AgentPart, frozen=True, tag="tool_list"):
    """An agent's tools of one server: only in answers of the Responses API.

    `server`: a label as in `legato.agents.definition`.  `tools`: a list in JSON, each tool with
    `name`, `description` and `input_schema`; a text takes a third of the memory of structs.
    `error`: why tools are missing.
    """

    server: str
    tools: str
    error: str | UnsetType = UNSET


class ErrorPart(Struct, frozen=True, tag_field="type", tag="error"):
    error: str


class SteerPart(Struct, frozen=True, kw_only=True, rename="camel", tag_field="type", tag="steer"):
    """Words for the running job, at the place where the model read them.

    `client_steer_id`: the caller's own name for the steer.  `created_at`: milliseconds since 1970.
    """

    steer: str
    steer_id: str
    client_steer_id: str | UnsetType = UNSET
    created_at: int | UnsetType = UNSET


WholePart = AgentUpdatePart | ToolListPart
"""A part that does not grow, and that no model and no user said."""

Part = TextPart | ThinkPart | ToolCallPart | AgentUpdatePart | ToolListPart | ErrorPart | SteerPart


class Usage(Struct, frozen=True, rename="camel"):
    """Tokens, as counted by the provider; 0 where not given.

    `completion_tokens` includes `reasoning_tokens`.  `cached_tokens`: tokens of the prompt that the
    provider had read before.  Both are left out where not given.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int | UnsetType = UNSET
    cached_tokens: int | UnsetType = UNSET


class ModelUsage(Struct, frozen=True):
    """The tokens of all calls to a model in a run."""

    model: str
    calls: int
    usage: Usage


def total(usages: Iterable[Usage]) -> Usage:
    """The sum of several model calls.  An optional count is there if any call has the count."""
    counts = list(usages)
    reasoning = [each.reasoning_tokens for each in counts if each.reasoning_tokens is not UNSET]
    cached = [each.cached_tokens for each in counts if each.cached_tokens is not UNSET]
    return Usage(
        sum(each.prompt_tokens for each in counts),
        sum(each.completion_tokens for each in counts),
        sum(reasoning) if reasoning else UNSET,
        sum(cached) if cached else UNSET,
    )


class Message(Struct, frozen=True, kw_only=True, rename="camel"):
    """A message of a conversation.  A user's message has `text`, an answer has `content`.

    An agent's answer has `agent_id` and `agent_version`, and its `model` is the agent's id, as
    LibreChat has it.
    """

    message_id: str
    conversation_id: str
    parent_message_id: str = NO_PARENT
    sender: str = "User"
    text: str = ""
    is_created_by_user: bool = True
    unfinished: bool = False
    error: bool = False
    content: tuple[Part, ...] | UnsetType = UNSET
    model: str | UnsetType = UNSET
    endpoint: str | UnsetType = UNSET
    finish_reason: str | UnsetType = field(name="finish_reason", default=UNSET)
    usage: Usage | UnsetType = UNSET
    agent_id: str | UnsetType = field(name="agent_id", default=UNSET)
    agent_version: int | UnsetType = field(name="agent_version", default=UNSET)
    created_at: datetime | UnsetType = UNSET
    updated_at: datetime | UnsetType = UNSET


class Conversation(Struct, frozen=True, kw_only=True, rename="camel"):
    """A thread of messages.  The owner, a single user, is fixed at birth."""

    conversation_id: str
    user: str
    title: str = NEW_CHAT
    endpoint: str = "agents"
    model: str | UnsetType = UNSET
    agent_id: str | UnsetType = field(name="agent_id", default=UNSET)
    created_at: datetime | UnsetType = UNSET
    updated_at: datetime | UnsetType = UNSET


def text_of(message: Message) -> str:
    """The text that a person reads of a message: `text`, or the text parts joined."""
    if message.content is UNSET:
        return message.text
    texts = [part.text for part in message.content if isinstance(part, TextPart)]
    return "".join(texts) or message.text


class Answering(Struct, frozen=True):
    """The agent that answers, in the version that was current at the start."""

    id: str
    version: int
