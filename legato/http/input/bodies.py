"""Bodies and queries in LibreChat's form; unknown fields are ignored."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, Struct, UnsetType, field

from legato.agents.definition import ToolName
from legato.config import OnBusy, WhileWaiting
from legato.storage.contracts.keys import Scope

Id = Annotated[str, Meta(min_length=1, max_length=128)]
RequestId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9:_-]{1,128}$")]
EndpointName = Annotated[str, Meta(max_length=128)]

NEW = "new"

MOST_CLIENT_TOOLS: Final = 64
"""Tools of one client: half of what OpenAI takes, since the agent has tools beside."""

MOST_MESSAGES: Final = 1000
"""Messages on one page: to read and to write a page takes some 20 ms of the event loop."""


class EditedContent(Struct, rename="camel"):
    """A part rewritten: `text` of a text part, `think` of a thought."""

    index: int
    text: str | None = None
    think: str | None = None


class ClientTool(Struct, kw_only=True):
    """A tool that the client runs.  `parameters`: a JSON Schema of the arguments, an object."""

    name: ToolName
    description: Annotated[str, Meta(max_length=4096)] = ""
    parameters: dict[str, Any] = {}


ClientTools = Annotated[tuple[ClientTool, ...], Meta(max_length=MOST_CLIENT_TOOLS)]


class StartBody(Struct, kw_only=True, rename="camel"):
    """`text` is enough.

    - `model` is one of `/api/models`, `model_parameters` are for this model alone, and
      `promptPrefix` is the system prompt.
    - `agent_id` has an agent answer: `agent_…`, or the name of an agent in the configuration.
      The agent's model, instructions and parameters count before the start's.
    - `conversationId` goes on in a conversation; `parentMessageId` after one of the messages, by
      default the newest.
    - `isRegenerate` answers the question `overrideParentMessageId` again.
    - `isContinued` lets the answer `responseMessageId` go on; `editedContent` lets the answer go
      on from edited words: the same answer if `isContinued`, else a sibling.
    - `clientTools` are tools that the agent's model may call, and that the client runs: the run
      waits for the result, which `POST /resume` brings.
    - `on_busy` decides between this turn and a turn that runs in the conversation.
    - `on_message_while_waiting` decides where that turn waits for an answer.
    - `clientRequestId` makes a start safe to repeat: a repeated start joins the first; the same
      id with a different request is refused, 422.
    """

    text: Annotated[str, Meta(examples=["What is legato?"])] = ""
    model: str | None = None
    agent_id: EndpointName | None = field(default=None, name="agent_id")
    endpoint: EndpointName | None = None
    conversation_id: Id | None = None
    parent_message_id: Id | None = None
    override_parent_message_id: Id | None = None
    response_message_id: Id | None = None
    is_regenerate: bool = False
    is_continued: bool = False
    edited_content: EditedContent | None = None
    client_request_id: RequestId | None = None
    prompt_prefix: str | None = None
    model_parameters: dict[str, Any] | None = field(default=None, name="model_parameters")
    on_busy: OnBusy | None = field(default=None, name="on_busy")
    on_message_while_waiting: WhileWaiting | UnsetType = field(
        default=UNSET, name="on_message_while_waiting"
    )
    # Unset, because the digest of a request without the field is that of former versions.
    client_tools: ClientTools | UnsetType = UNSET


class AbortBody(Struct, kw_only=True, rename="camel"):
    """Any one id.  `generationId` names exactly one generation, every other id a conversation."""

    stream_id: str | None = None
    conversation_id: str | None = None
    abort_key: str | None = None
    generation_id: str | None = None

    def target(self) -> str:
        """The id that counts: the most exact of the given ids."""
        conversation_id = None if self.conversation_id == NEW else self.conversation_id
        key = (self.abort_key or "").partition(":")[0]
        return self.generation_id or self.stream_id or conversation_id or key


class QueueBody(Struct, kw_only=True, rename="camel"):
    """`generationId` is the waiting turn's, from the reply to the start.

    `clientRequestId` makes the request safe to repeat: a repeated request has the first reply; the
    same id with a different request is refused, 422.
    """

    conversation_id: Id
    generation_id: Id
    client_request_id: RequestId | None = None


class EditTurnBody(Struct, kw_only=True, rename="camel"):
    """The new text of a waiting turn.  `clientRequestId` makes the request safe to repeat."""

    text: Annotated[str, Meta(examples=["What is staccato?"])]
    client_request_id: RequestId | None = None


class ConversationChange(Struct, rename="camel"):
    conversation_id: Id
    title: Annotated[str, Meta(max_length=1024)] | None = None


class ArgBody(Struct):
    """The arguments of LibreChat's conversation routes, wrapped in `arg`."""

    arg: ConversationChange


class StreamQuery(Struct):
    after: Annotated[
        str | None, Meta(description="The cursor seen last: only what came after it.")
    ] = None
    resume: Annotated[
        str | None, Meta(description="`true`: the state of now in one event, then what follows.")
    ] = None


class NoticeQuery(Struct):
    after: Annotated[
        str | None, Meta(description="The `id` seen last: only what came after it.")
    ] = None


class StreamHeaders(Struct):
    last_event_id: Annotated[
        str | None, Meta(description="As `after`, the way browsers say it.")
    ] = field(default=None, name="Last-Event-ID")


class PageQuery(Struct):
    limit: Annotated[int, Meta(ge=1, le=100, description="How many at most.")] = 25
    cursor: Annotated[str | None, Meta(description="The former page's `nextCursor`.")] = None


SearchText = Annotated[
    str,
    Meta(max_length=256, description="Words: all have to be there, each as a word's beginning."),
]


class ConversationsQuery(PageQuery):
    """With `search`, the conversations whose title has the words; an empty text is no search."""

    search: SearchText = ""


class MessageQuery(PageQuery):
    """An empty `search` finds nothing."""

    search: SearchText = ""


class MessagesQuery(Struct):
    """With either field the reply is a page; without, a bare list of the newest messages."""

    limit: Annotated[int, Meta(ge=1, le=MOST_MESSAGES, description="How many at most.")] | None = (
        None
    )
    cursor: Annotated[str | None, Meta(description="The former page's `nextCursor`.")] = None


class ApiKeyBody(Struct, kw_only=True, rename="camel"):
    """`expiresAt` is a time with an offset, `2027-01-31T12:00:00Z`.  Without `expiresAt` a key is
    good for the server's `api_key_lifetime`, or for ever where none is set.

    `scopes` are the APIs that the key is good for, by default all.
    """

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None
    scopes: Annotated[Sequence[Scope], Meta(min_length=1)] | None = None
