"""A run's questions to somebody outside, and their answers.  Pure.

An ask waits at the tool call at `index` until the log has the one answer.
"""

from collections.abc import Mapping
from typing import Any, Literal

from legato.events.event import Event

AskKind = Literal["approval", "question", "elicitation", "client_tool"]
"""An ask is for leave to call a tool, for an answer to the model's question, for a tool's missing
input, or for the result of a tool that the client runs."""

Decided = Literal["approve", "deny", "edit", "answer", "cancel", "expired"]
"""The outcome of an ask.  `edit` approves a call with other arguments."""


class Asked(Event, frozen=True, kw_only=True):
    """The run asks somebody outside, and the tool call at `index` waits for the answer.

    `payload` is JSON for whoever answers.  `response_schema`: what an answer's value must fit.
    `allowed`: the decisions that somebody outside may take.  `at`, `expires_at`: milliseconds since
    1970, set by the job.  `state` is the tool's own, and no reader is told of it.
    """

    ask_id: str
    kind: AskKind
    index: int
    payload: Mapping[str, Any]
    allowed: tuple[Decided, ...]
    at: int = 0
    expires_at: int = 0
    response_schema: Mapping[str, Any] | None = None
    state: str | None = None


class Answered(Event, frozen=True, kw_only=True):
    """The one answer to an ask; all later answers are refused.

    `by`: the user who answered, "" where the ask expired or the job ended before.  `value`: the
    answer, or the edited arguments.  `reason` is for the model.  `always`: leave for this call is
    leave for the tool in all of the conversation.
    """

    ask_id: str
    decision: Decided
    by: str = ""
    value: Any = None
    reason: str = ""
    always: bool = False

    @property
    def allows_tool(self) -> bool:
        """Whether the same tool needs no further leave in this conversation."""
        return self.always and self.decision in ("approve", "edit")
