"""Bodies of the routes' replies, where a reply is not a stored record."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Self

from msgspec import UNSET, Struct, UnsetType

from legato.actors.messages import Standing
from legato.content import Part
from legato.search.excerpts import Piece
from legato.storage.contracts.keys import ApiKey, Scope


class ErrorReply(Struct):
    """The mistake: `error` for programs, `message` for people, `param` names the field."""

    error: str
    message: str
    param: str | UnsetType = UNSET


class OpenAIError(Struct):
    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIErrorReply(Struct):
    """The mistake in OpenAI's form: `code` is for programs, `param` names the field."""

    error: OpenAIError


class EventStream(Struct):
    """Server-sent events, each with a cursor as `id`; a comment after 15 s of silence.

    An event is named `message`, or `error` where a generation failed before the beginning.  The
    data is one JSON object: `created`, then `event` (a step or a delta), and at last `final`; or
    `sync`, in place of all earlier events.  The body ends cleanly after `final` or `error`, and
    never otherwise: after any other end, come back with the cursor of the last event.
    """


class NoticeStream(EventStream):
    """Server-sent events about all your conversations; a comment after 15 s of silence.

    An event is named `queued`, `started`, `asked`, `answered`, `ended`, `cancelled`, `renamed` or
    `deleted`.  The data is one JSON object: `conversationId`, mostly `generationId`, `at` in
    milliseconds, and what the event is about.  `reset` says that events before its `id` may be
    missing: read the lists anew.  The body never ends cleanly: after any end, come back with the
    last `id`.
    """


class ActiveReply(Struct, rename="camel"):
    active_job_ids: Sequence[str]


class StatusReply(Struct, kw_only=True, rename="camel"):
    """Only `active`, and false, where the generation does not exist any more.

    `cursor`: the position up to which the reply is true; later events follow in the stream.
    """

    active: bool
    stream_id: str | UnsetType = UNSET
    generation_id: str | UnsetType = UNSET
    status: Standing | UnsetType = UNSET
    cursor: str | UnsetType = UNSET
    aggregated_content: Sequence[Part] | UnsetType = UNSET
    created_at: int | UnsetType = UNSET  # milliseconds since 1970
    resume_state: Mapping[str, Any] | UnsetType = UNSET


class AbortReply(Struct, kw_only=True, rename="camel"):
    """`aborted` is the conversation.  `settled`: the stop came after the end (`terminalStatus`).

    `earlyAbort`: nothing was generated.  `persistenceFailed`: the answer could not be stored.
    `cursor`: the position at which the reply is true: the ending's, once the ending is said.
    """

    success: bool
    generation_id: str
    cursor: str
    aborted: str | UnsetType = UNSET
    early_abort: bool | UnsetType = UNSET
    settled: bool | UnsetType = UNSET
    terminal_status: Standing | UnsetType = UNSET
    persistence_failed: bool | UnsetType = UNSET


class QueuedTurnReply(Struct, kw_only=True, rename="camel", omit_defaults=True):
    """A waiting turn.  `position` counts from 1, the turn that begins next.

    `cursor`: the position in the generation's log at which the entry is true.  `clientRequestId` is
    the start's.
    """

    generation_id: str
    user_message_id: str
    text: str
    position: int
    created_at: int  # milliseconds since 1970
    cursor: str
    client_request_id: str | None = None


class QueueReply(Struct, rename="camel"):
    conversation_id: str
    queue: Sequence[QueuedTurnReply]


class CancelTurnReply(Struct, rename="camel"):
    """The turn is cancelled; `cursor` is the ending's."""

    conversation_id: str
    generation_id: str
    cursor: str
    cancelled: bool = True


class MoveReply(Struct, rename="camel"):
    """The turn is at `position`, as true at `cursor`."""

    conversation_id: str
    generation_id: str
    position: int
    cursor: str


class EditTurnReply(Struct, rename="camel"):
    """The turn has `text`, as true at `cursor`."""

    conversation_id: str
    generation_id: str
    text: str
    cursor: str


class SteerReply(Struct, kw_only=True, rename="camel"):
    """A steer: `queued` (at `position` among the waiting ones, from 1), `applied` (a model call
    read it; it is part `index` of the answer), `cancelled`, `returned` (`why`: the generation has
    `finished`, `stopped` or `failed` before), or `enqueued` (as the turn `nextGenerationId`).

    `cursor`: the position up to which the reply is true.  `outcomeAt`: where it was applied or
    returned.
    """

    status: str
    steer_id: str
    client_steer_id: str | UnsetType = UNSET
    conversation_id: str
    generation_id: str
    position: int | UnsetType = UNSET
    preempt: bool
    cursor: str
    index: int | UnsetType = UNSET
    outcome_at: str | UnsetType = UNSET
    why: str | UnsetType = UNSET
    text: str | UnsetType = UNSET
    next_generation_id: str | UnsetType = UNSET


class SteerCancelReply(Struct, rename="camel"):
    """`removed` is false where a model read the steer before, or the generation ended."""

    removed: bool
    steer: SteerReply


class ArmReply(Struct, rename="camel"):
    """`armed` is false where the steer does not wait any more."""

    armed: bool
    steer: SteerReply


class ResumeReply(Struct, kw_only=True, rename="camel"):
    """`answered`: the decision that each ask has.  `cursor`: where the reply is true."""

    status: str
    conversation_id: str
    generation_id: str
    cursor: str
    answered: Mapping[str, str]


class FoundMessageReply(Struct, kw_only=True, rename="camel"):
    """A message found.  `excerpt`: the text around the first word found, in pieces, of which the
    `marked` are the words; `text` is the same as one text."""

    message_id: str
    conversation_id: str
    title: str
    sender: str
    is_created_by_user: bool
    text: str
    excerpt: Sequence[Piece]
    model: str | UnsetType = UNSET
    created_at: datetime | UnsetType = UNSET


class FoundReply(Struct, rename="camel"):
    messages: Sequence[FoundMessageReply]
    next_cursor: str | None = None


class TitleReply(Struct):
    title: str


class DeleteReply(Struct, rename="camel"):
    acknowledged: bool
    deleted_count: int


class ModelName(Struct, omit_defaults=True):
    """`description` is for people.  `efforts`: what the model takes as `reasoning_effort`."""

    name: str
    description: str = ""
    efforts: Sequence[str] = ()


class ModelsReply(Struct):
    """`default` answers a start that names no model."""

    models: Sequence[ModelName]
    default: str


class HealthReply(Struct):
    status: str


class ApiKeyReply(Struct, kw_only=True, rename="camel"):
    """A key without the secret: `keyPrefix` has the first characters, to tell keys apart."""

    id: str
    name: str
    key_prefix: str
    scopes: Sequence[Scope]
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey, /, **more: str) -> Self:
        return cls(
            id=key.id,
            name=key.name,
            key_prefix=key.prefix,
            scopes=key.scopes,
            created_at=key.created_at,
            last_used_at=key.last_used_at,
            expires_at=key.expires_at,
            **more,
        )


class NewApiKeyReply(ApiKeyReply, kw_only=True):
    """`key` is shown this once."""

    key: str


class ApiKeysReply(Struct):
    keys: Sequence[ApiKeyReply]
