"""The content of conversations: parts, messages, usage.  Wire names are the structs' own.  Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from msgspec import UNSET, Struct, UnsetType, field

NO_PARENT: Final = "00000000-0000-0000-0000-000000000000"
"""The parent of a first message."""

NEW_CHAT: Final = "New Chat"
"""The title of a conversation that has none yet."""


class TextPart(Struct, frozen=True, tag_field="type", tag="text"):
    text: str


class ThinkPart(Struct, frozen=True, tag_field="type", tag="think"):
    think: str


class ToolCall(Struct, frozen=True, tag_field="type", tag="tool_call"):
    """A call the model asked for.  `args` is JSON text, whole only when the model finished it."""

    id: str
    name: str
    args: str = ""
    output: str | UnsetType = UNSET
    progress: float | UnsetType = UNSET


class ToolCallPart(Struct, frozen=True, tag_field="type", tag="tool_call"):
    tool_call: ToolCall


class ErrorPart(Struct, frozen=True, tag_field="type", tag="error"):
    error: str


Part = TextPart | ThinkPart | ToolCallPart | ErrorPart


class Usage(Struct, frozen=True, rename="camel"):
    """Tokens, as the provider counted them; 0 where it did not say.

    `completion_tokens` includes `reasoning_tokens`.  `cached_tokens`: of the prompt, those that
    the provider had read before; left out where it did not say.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cached_tokens: int | UnsetType = UNSET


class Message(Struct, frozen=True, kw_only=True, rename="camel"):
    """One message of a conversation.  A user's has `text`, an answer has `content`."""

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
    created_at: datetime | UnsetType = UNSET
    updated_at: datetime | UnsetType = UNSET


class Conversation(Struct, frozen=True, kw_only=True, rename="camel"):
    """A thread of messages.  It has one owner, fixed at birth."""

    conversation_id: str
    user: str
    title: str = NEW_CHAT
    endpoint: str = "agents"
    model: str | UnsetType = UNSET
    created_at: datetime | UnsetType = UNSET
    updated_at: datetime | UnsetType = UNSET


def text_of(message: Message) -> str:
    """What a person reads of a message: its text, or its text parts joined."""
    if message.content is UNSET:
        return message.text
    texts = [part.text for part in message.content if isinstance(part, TextPart)]
    return "".join(texts) or message.text


class ApiRequest(Struct, frozen=True, kw_only=True):
    """A request to one of OpenAI's APIs: the caller's own history, no message of a conversation.

    `echo`: what the answer's frames and objects say again of it, as that API spells it (JSON).
    `store`: whether it and its answer are kept for later requests.
    """

    api: Literal["chat_completions", "responses"]
    user: str
    model: str
    echo: Mapping[str, Any] = {}
    store: bool = False


class Edit(Struct, frozen=True):
    """Part `index` of the answer shall read `text`; what followed it is dropped."""

    index: int
    text: str


class TurnRequest(Struct, frozen=True, kw_only=True):
    """A start as it was asked for; the ids of all that comes of it are the server's.

    `parent_id` None means: after the newest message.  `regenerate` names a user's message that
    gets another answer.  `revise` names an answer that goes on from its content, or from what
    `edit` makes of that: as itself where `response_id` is its id, else as a sibling.
    `parameters` are JSON, for the model.  `place`: in the order of its conversation's starts, as
    the directory of many replicas gave it; 0 where there is one process.
    """

    job_id: str
    conversation_id: str
    message_id: str
    response_id: str
    user: str
    model: str
    text: str = ""
    endpoint: str = "agents"
    instructions: str | None = None
    parameters: Mapping[str, Any] = {}
    parent_id: str | None = None
    regenerate: str | None = None
    revise: str | None = None
    edit: Edit | None = None
    request_id: str | None = None
    place: int = 0
