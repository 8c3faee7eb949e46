"""A turn of a conversation: the request, and its place among the messages.  Pure."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from msgspec import UNSET, Struct, structs

from legato.content import (
    NO_PARENT,
    ApiRequest,
    Edit,
    ErrorPart,
    Message,
    Part,
    TextPart,
    ThinkPart,
    ToolCallPart,
    TurnRequest,
)
from legato.events import Created, QueueChange, Queued
from legato.models.contract import ChatMessage, Json
from legato.storage.contracts.responses import StoredResponse

_FOLLOWING: Final = "steer"  # no caller's name of a request has a slash


class InvalidTurn(Exception):
    """The turn does not fit its conversation.  `field` names the wrong part in the request."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Prompt(Struct, frozen=True, kw_only=True):
    """An API's request.  The model reads `messages` as they are.

    For a response to store: `items` are the request's own input items, with ids, in the API's own
    spelling; `previous_id` is the response before them.  `after`: the last response of the
    conversation, as read together with `messages`.  `kept`: calls of an earlier answer, with the
    decisions on the leave for which that answer asked.
    """

    api_request: ApiRequest
    messages: tuple[ChatMessage, ...]
    items: tuple[Mapping[str, Json], ...] = ()
    previous_id: str | None = None
    after: StoredResponse | None = None
    kept: tuple[ToolCallPart, ...] = ()

    @property
    def decides(self) -> tuple[str, ...]:
        """The requests for leave on which this request has the decision."""
        calls = (part.tool_call for part in self.kept)
        return tuple(
            call.leave.request_id for call in calls if call.leave and not call.is_undecided
        )


class Turn(TurnRequest, frozen=True, kw_only=True):
    """A turn with a `prompt` is a request to an API, and no message of a conversation.

    `begins`: the conversation's id was made for this turn: the storage has nothing under the id,
    and need not be read.
    """

    prompt: Prompt | None = None
    begins: bool = False


def queued(turn: Turn, change: QueueChange | None = None) -> Queued:
    """Make the log's first event, with all that a later owner of the turn must know.

    A waiting turn's `change` makes a further event of this kind.
    """
    return Queued(_request(turn), change)


def as_queued(turn: Turn, event: Queued) -> Turn:
    """The turn with what may change while the turn waits."""
    return structs.replace(turn, text=event.turn.text, rank=event.turn.rank)


def resumable(turn: Turn, created: Created) -> Created:
    """Add to a turn's beginning all that an owner must know to have the model go on."""
    return structs.replace(created, turn=structs.replace(_request(turn), text=""))


def _request(turn: Turn) -> TurnRequest:
    return TurnRequest(**{name: getattr(turn, name) for name in TurnRequest.__struct_fields__})


def following(
    turn: Turn, *, text: str, job_id: str, message_id: str, response_id: str, steer_id: str
) -> TurnRequest:
    """A turn that asks a steer's `text` behind this one's answer, of the same model and agents."""
    return structs.replace(
        _request(turn),
        text=text,
        job_id=job_id,
        message_id=message_id,
        response_id=response_id,
        request_id=f"{_FOLLOWING}/{turn.job_id}/{steer_id}",
        request_digest=None,
        parent_id=turn.response_id,
        regenerate=None,
        revise=None,
        edit=None,
        place=0,
        rank=0,
    )


def followed(turn: TurnRequest) -> str | None:
    """The id of the job behind whose answer the turn asks a steer's words; None of other turns.

    The log of that job has the whole turn, until the journal has the turn's own log.
    """
    match (turn.request_id or "").split("/"):
        case [kind, job_id, _] if kind == _FOLLOWING:
            return job_id
        case _:
            return None


def turn_of(request: TurnRequest) -> Turn:
    return Turn(**structs.asdict(request))


def without_prompt(turn: Turn) -> Turn:
    """The rest of a turn once the model has read: an API's caller may send megabytes."""
    turn = structs.replace(turn, parameters={}, agents=())
    if turn.prompt is None:
        return turn
    api_request = structs.replace(turn.prompt.api_request, echo={})
    return structs.replace(turn, prompt=Prompt(api_request=api_request, messages=()))


def has_tools(turn: Turn) -> bool:
    """Whether the run of an agent may call tools: an agent's own, or the client's."""
    is_theirs = bool(turn.agents) and bool(turn.parameters.get("tools"))
    return is_theirs or any(agent.tools for agent in turn.agents)


class Plan(Struct, frozen=True):
    """A turn as it will run: the message to store, and the kept beginning of the answer."""

    request: Message
    kept: tuple[Part, ...] = ()


def plan(turn: Turn, messages: Sequence[Message], *, expected: Collection[str] = ()) -> Plan:
    """Find a turn's place among its conversation's messages (oldest first).

    `expected` are ids of messages in the making: good parents, though not stored yet.  If such a
    parent never comes, the newest message takes its place.

    Raises:
        InvalidTurn: if the turn names a missing message, or a message of the wrong kind.
    """
    known = {message.message_id: message for message in messages}
    if turn.revise is not None:
        return _revision(turn, known, turn.revise)
    if turn.regenerate is not None:
        return _regeneration(turn, known, turn.regenerate)
    newest = messages[-1].message_id if messages else NO_PARENT
    parent_id = newest if turn.parent_id is None else turn.parent_id
    if parent_id != NO_PARENT and parent_id not in known:
        if parent_id not in expected:
            raise InvalidTurn("parentMessageId", f"no message {parent_id!r} in this conversation")
        parent_id = newest
    return Plan(
        Message(
            message_id=turn.message_id,
            conversation_id=turn.conversation_id,
            parent_message_id=parent_id,
            text=turn.text,
            endpoint=turn.endpoint,
        )
    )


def _regeneration(turn: Turn, known: Mapping[str, Message], message_id: str) -> Plan:
    request = known.get(message_id)
    if request is None or not request.is_created_by_user:
        raise InvalidTurn(
            "overrideParentMessageId", f"no user's message {message_id!r} in this conversation"
        )
    return Plan(structs.replace(request, text=turn.text or request.text))


def _revision(turn: Turn, known: Mapping[str, Message], message_id: str) -> Plan:
    answer = known.get(message_id)
    if answer is None or answer.is_created_by_user:
        raise InvalidTurn("responseMessageId", f"no answer {message_id!r} in this conversation")
    request = known.get(answer.parent_message_id)
    if request is None:
        raise InvalidTurn("responseMessageId", f"the answer {message_id!r} has no question")
    content = answer.content or () if answer.content is not UNSET else (TextPart(answer.text),)
    kept = tuple(part for part in content if not isinstance(part, ErrorPart))
    return Plan(request, kept if turn.edit is None else _edited(kept, turn.edit))


def _edited(parts: tuple[Part, ...], edit: Edit) -> tuple[Part, ...]:
    if not 0 <= edit.index < len(parts):
        raise InvalidTurn(
            "editedContent.index", f"found {edit.index}; the answer has {len(parts)} parts, from 0"
        )
    match parts[edit.index]:
        case TextPart():
            part: Part = TextPart(edit.text)
        case ThinkPart():
            part = ThinkPart(edit.text)
        case other:
            raise InvalidTurn(
                "editedContent.index",
                f"part {edit.index} is a {type(other).__name__}; only text and thoughts are edited",
            )
    return (*parts[: edit.index], part)
