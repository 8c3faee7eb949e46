"""Reads the answers of a request: which asks they are for, and whether they fit."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from msgspec import json

from legato.actors.messages import Status
from legato.actors.ref import JobRef
from legato.actors.steering.interjections import AnswerAsk, AnswerReceipt, Rejected
from legato.agents.tools.arguments import InvalidArguments, arguments_of
from legato.dialects.librechat_actions import DECISIONS
from legato.events import Answered, Asked, Decided
from legato.http.clock import milliseconds
from legato.http.errors import InvalidField, NotFound
from legato.http.input.steering import ActionDecision, ResumeBody


class AskNotFound(NotFound):
    error = "Action not found"


async def answers_of(body: ResumeBody, status: Status, user: str) -> Sequence[Answered]:
    """The answers that `body` gives to asks of a job.

    Raises:
        InvalidField: where an answer does not fit its ask.
        AskNotFound: where nothing was asked that the body answers.
    """
    asks = _Asks(
        [each for each in status.snapshot.asks if body.action_id in (None, each.ask_id)],
        [each for each in status.snapshot.open_asks if body.action_id in (None, each.ask_id)],
    )
    if not asks.all:
        raise AskNotFound("The generation asks nothing of that name.", code="ACTION_NOT_FOUND")
    answers = [*_decided(body, asks, user)] if body.decisions else [_said(body, asks.due, user)]
    for place, answer in enumerate(answers):
        ask = next(each for each in asks.all if each.ask_id == answer.ask_id)
        await _check(place, ask, answer, is_decision=bool(body.decisions))
    return answers


async def sent(job: JobRef, answered: Answered) -> AnswerReceipt | Rejected:
    """Answer an ask of a job."""
    return await job.ask(AnswerAsk(answered, milliseconds()))


class _Asks(NamedTuple):
    """The asks that a request may mean."""

    all: Sequence[Asked]
    open: Sequence[Asked]

    @property
    def due(self) -> Sequence[Asked]:
        """The asks meant by a request without a name: the open ones, else all, for a repetition."""
        return self.open or self.all

    def about(self, call_id: str | None, decided: Decided) -> Sequence[Asked]:
        """The asks about a tool call, as far as the decision tells them apart: an open one comes
        first.  A repeated decision finds its ask though other calls wait."""
        if call_id is None:
            return self.due if len(self.due) == 1 else ()
        named = [each for each in self.all if each.payload["tool_call_id"] == call_id]
        fitting = [each for each in named if decided in each.allowed] or named
        return [each for each in fitting if each in self.open] or fitting


def _decided(body: ResumeBody, asks: _Asks, user: str) -> Iterator[Answered]:
    for place, decision in enumerate(body.decisions):
        yield _decision(place, decision, asks, user)


def _decision(place: int, said: ActionDecision, asks: _Asks, user: str) -> Answered:
    if said.decision not in DECISIONS:
        allowed = ", ".join(DECISIONS)
        found = f"found {said.decision!r:.80}; allowed are {allowed}"
        raise InvalidField(f"decisions[{place}].decision", found)
    decided = DECISIONS[said.decision]
    named = asks.about(said.tool_call_id, decided)
    if not named:
        found = f"found {said.tool_call_id!r:.80}, a tool call that nothing is asked for"
        raise InvalidField(f"decisions[{place}].tool_call_id", found)
    answered = Answered(
        ask_id=named[-1].ask_id,
        decision=decided,
        by=user,
        value=_value(decided, said),
        reason=said.reason,
        always=said.always,
    )
    if said.always and not answered.allows_tool:
        found = f"found true beside {said.decision!r}; only leave can be for all of a conversation"
        raise InvalidField(f"decisions[{place}].always", found)
    return answered


def _value(decided: Decided, said: ActionDecision) -> Any:
    match decided:
        case "edit":
            return said.edited_arguments
        case "answer":
            return said.response_text
        case _:
            return None


def _said(body: ResumeBody, asks: Sequence[Asked], user: str) -> Answered:
    """The answer to the named question, or to the only open question."""
    if body.answer is None and body.answers is None:
        raise InvalidField("decisions", "found neither decisions nor an answer")
    if len(asks) > 1:
        raise InvalidField("actionId", f"{len(asks)} asks are open; name the one that is answered")
    value = body.answers if body.answer is None else body.answer
    return Answered(ask_id=asks[0].ask_id, decision="answer", by=user, value=value)


async def _check(place: int, ask: Asked, answer: Answered, *, is_decision: bool) -> None:
    """Raises InvalidField where edited arguments, or an answer, do not fit the schema."""
    schema = ask.response_schema
    is_edit = answer.decision == "edit"
    is_input = answer.decision == "answer" and ask.kind != "approval"
    if schema is None or not (is_edit or is_input):
        return
    field = f"decisions[{place}].editedArguments" if is_decision else "answer"
    try:
        await arguments_of(json.encode(answer.value).decode(), schema)
    except InvalidArguments as error:
        raise InvalidField(field, str(error)) from None
