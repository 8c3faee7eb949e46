"""What is asked for: an answer of one of OpenAI's APIs, or a turn of a conversation.  Pure."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from legato.agents.definition import Agent


class ApiRequest(Struct, frozen=True, kw_only=True):
    """A request to one of OpenAI's APIs: the caller's own history, no message of a conversation.

    `echo`: the request's fields that the answer repeats, in the API's spelling (JSON).
    `store`: whether request and answer are kept for later requests.  `logprobs`: whether the
    answer shall have the provider's.  `has_successors`: the words of a steer are for a next
    response, for which the run ends.
    """

    api: Literal["chat_completions", "responses"]
    user: str
    model: str
    echo: Mapping[str, Any] = {}
    store: bool = False
    logprobs: bool = False
    has_successors: bool = False


class Edit(Struct, frozen=True):
    """Part `index` of the answer shall read `text`; all later parts are dropped."""

    index: int
    text: str


class TurnRequest(Struct, frozen=True, kw_only=True):
    """A start as requested; the server chose the ids of everything that follows from the start.

    `parent_id` None means: after the newest message.  `regenerate` names a user's message for a
    further answer.  `revise` names an answer that goes on from its content, after `edit` if given:
    the same message if `response_id` names it, else a sibling.  `parameters` are JSON, for the
    model.  `request_id` is the caller's own name for the request; `request_digest` tells whether
    the same name came with the same request.  `place` is the position among the conversation's
    starts; 0 where a single process started the turn without waiting.  `rank` orders waiting turns
    before `place` does: the lowest begins first, and each move to the front has a lower rank than
    all before.  `agents`: the first agent answers, the others are all agents that its edges reach;
    none where a bare model answers.
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
    request_digest: str | None = None
    place: int = 0
    rank: int = 0
    agents: tuple[Agent, ...] = ()
