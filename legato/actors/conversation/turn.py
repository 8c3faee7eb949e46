"""A turn of a conversation: what was requested, and what follows from the request.  Pure."""

from collections.abc import Mapping
from typing import Final, Self

from msgspec import Struct, structs

from legato.agents.definition import Agent
from legato.content import Answering, ToolCallPart
from legato.events import Created, QueueChange, Queued
from legato.models.contract import ChatMessage, Json
from legato.requests import ApiRequest, TurnRequest
from legato.storage.contracts.responses import StoredResponse

_FOLLOWING: Final = "steer"  # no caller's name of a request has a slash


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

    @classmethod
    def of(cls, request: TurnRequest) -> Self:
        return cls(**structs.asdict(request))

    @property
    def request(self) -> TurnRequest:
        """The turn without the prompt."""
        return TurnRequest(**{name: getattr(self, name) for name in TurnRequest.__struct_fields__})

    # Who answers.

    @property
    def agent(self) -> Agent | None:
        """The answering agent; None for a bare model."""
        return self.agents[0] if self.agents else None

    @property
    def answering(self) -> Answering | None:
        """The agent's name for the job's first event."""
        return None if self.agent is None else Answering(self.agent.id, self.agent.version)

    @property
    def sender(self) -> str:
        """The name under which readers see the answer."""
        return self.model if self.agent is None else self.agent.name

    @property
    def agent_prompt(self) -> str:
        """The agent's own instructions, which its run puts above all messages; "" for a bare
        model."""
        return "" if self.agent is None else self.agent.prompt

    @property
    def first_parameters(self) -> Mapping[str, Json]:
        """The parameters of the first model call: the caller's and the agent's; the agent's count
        more."""
        return (
            self.parameters if self.agent is None else {**self.parameters, **self.agent.parameters}
        )

    @property
    def has_tools(self) -> bool:
        """Whether the run of an agent may call tools: an agent's own, or the client's."""
        is_theirs = bool(self.agents) and bool(self.parameters.get("tools"))
        return is_theirs or any(agent.tools for agent in self.agents)

    # What the log has of the turn.

    def queued(self, change: QueueChange | None = None) -> Queued:
        """Make the log's first event, with all that a later owner of the turn must know.

        A waiting turn's `change` makes a further event of this kind.
        """
        return Queued(self.request, change)

    def as_queued(self, event: Queued) -> "Turn":
        """The turn with what may change while the turn waits."""
        return structs.replace(self, text=event.turn.text, rank=event.turn.rank)

    def resumable(self, created: Created) -> Created:
        """Add to the turn's beginning all that an owner must know to have the model go on."""
        return structs.replace(created, turn=structs.replace(self.request, text=""))

    def without_prompt(self) -> "Turn":
        """The rest of the turn once the model has read: an API's caller may send megabytes."""
        turn = structs.replace(self, parameters={}, agents=())
        if turn.prompt is None:
            return turn
        api_request = structs.replace(turn.prompt.api_request, echo={})
        return structs.replace(turn, prompt=Prompt(api_request=api_request, messages=()))

    def following(
        self, *, text: str, job_id: str, message_id: str, response_id: str, steer_id: str
    ) -> TurnRequest:
        """A turn that asks a steer's `text` behind this answer, of the same model and agents."""
        return structs.replace(
            self.request,
            text=text,
            job_id=job_id,
            message_id=message_id,
            response_id=response_id,
            request_id=f"{_FOLLOWING}/{self.job_id}/{steer_id}",
            request_digest=None,
            parent_id=self.response_id,
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
