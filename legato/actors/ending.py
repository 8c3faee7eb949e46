"""How a job ends: from what was decided to what is stored and said.  Pure."""

from typing import Any, assert_never

from msgspec import UNSET, Struct, structs

from legato.actors.lifecycle import Signal
from legato.actors.messages import (
    Ended,
    Failure,
    Opening,
    Outcome,
    Standing,
    StopRequested,
    Stored,
)
from legato.content import ErrorPart, Message, Part, TextPart, ThinkPart, Usage
from legato.events import AnyEnding, Created, Ending, Failed, Finished, Snapshot, Stopped
from legato.models.contract import Model
from legato.shown import cut, usages


class Decision(Struct, frozen=True):
    """A job's outcome, and its time in seconds since 1970; None where a message has the time."""

    outcome: Outcome
    at: int | None


CRASH = Failure("internal_error", "The generation failed inside Legato; the log has the details.")
RESTART = Failure("server_restart", "The server ended while this was being answered.")


def signal_of(outcome: Outcome) -> Signal:
    match outcome:
        case Ended():
            return Signal.END
        case StopRequested():
            return Signal.STOP
        case Failure():
            return Signal.FAIL
        case _:
            assert_never(outcome)


def _answer(
    outcome: Outcome, opening: Opening | None, content: tuple[Part, ...], usage: Usage
) -> Message | None:
    """Make the answer to store; None where there is no question, or a stop came before a word."""
    if opening is None or (isinstance(outcome, StopRequested) and not content):
        return None
    created, agent = opening.created, opening.created.agent
    if isinstance(outcome, Failure):
        content = (*content, ErrorPart(outcome.message))
    return Message(
        message_id=created.response_id,
        conversation_id=created.request.conversation_id,
        parent_message_id=created.request.message_id,
        sender=created.sender,
        is_created_by_user=False,
        content=content,
        unfinished=not isinstance(outcome, Ended),
        model=agent.id if agent else opening.conversation.model,
        endpoint=opening.conversation.endpoint,
        finish_reason=outcome.reason if isinstance(outcome, Ended) else UNSET,
        usage=usage,
        agent_id=agent.id if agent else UNSET,
        agent_version=agent.version if agent else UNSET,
    )


def estimated(model: Model, opening: Opening | None, content: tuple[Part, ...]) -> Usage:
    """Our own count, for providers that end without a count."""
    if opening is None:
        return Usage()
    texts = (part.text for part in content if isinstance(part, TextPart))
    thoughts = "".join(part.think for part in content if isinstance(part, ThinkPart))
    reasoning = model.count_tokens(thoughts) if thoughts else 0
    text = model.count_tokens("".join(texts))
    return Usage(opening.prompt_tokens, text + reasoning, reasoning if thoughts else UNSET)


def ending_of(
    decision: Decision,
    opening: Opening | None,
    content: tuple[Part, ...],
    usage: Usage,
    stored: Stored,
    snapshot: Snapshot | None = None,
) -> AnyEnding:
    """Make the ending to say; its `response` is the answer to store.

    `content`: the parts to show; `snapshot`: the job at the decision.
    """
    outcome = decision.outcome
    answer = _answer(outcome, opening, content, usage)
    facts: dict[str, Any] = {"usage": usage, "unsaved": stored.unsaved, "at": decision.at}
    if snapshot is not None and snapshot.unread:
        facts["unread"] = snapshot.unread
    if opening is not None:
        facts |= _facts_of_run(opening.created, snapshot)
        facts["request"] = opening.created.request
        if answer is not None:
            facts["response"] = answer
            facts["conversation"] = stored.conversation or opening.conversation
    match outcome:
        case Ended(reason, fingerprint, tier):
            facts |= {"system_fingerprint": fingerprint, "service_tier": tier}
            return Finished(reason=reason, **facts)
        case StopRequested():
            return Stopped(**facts)
        case Failure(reason, message, retry_after):
            return Failed(reason=reason, message=message, retry_after=retry_after, **facts)
        case _:
            assert_never(outcome)


def _facts_of_run(created: Created, snapshot: Snapshot | None) -> dict[str, Any]:
    """The facts of an agent's run for an API; a stored message of a conversation has no place for
    them."""
    if snapshot is None or created.agent is None or created.api_request is None:
        return {}
    return {"cut": cut(snapshot), "usages": usages(snapshot)}


def ending_of_answer(answer: Message, opening: Opening) -> AnyEnding:
    """The ending that was said when this answer was stored.

    A stored answer has no field for the reason of a failure; the error in its last part says why.
    """
    facts: dict[str, Any] = {
        "request": opening.created.request,
        "response": structs.replace(answer, created_at=UNSET, updated_at=UNSET),
        "conversation": opening.conversation,
        "usage": answer.usage or Usage(),
    }
    if not answer.unfinished:
        return Finished(reason=answer.finish_reason or "stop", **facts)
    match answer.content or ():
        case (*_, ErrorPart(error)):
            return Failed(reason=_reason_of(error), message=error, **facts)
        case _:
            return Stopped(**facts)


def _reason_of(error: str) -> str:
    """All but our own faults are the provider's, or its silence."""
    ours = (fault.reason for fault in (CRASH, RESTART) if error.startswith(fault.message))
    return next(ours, "provider_error")


def standing_of(ending: Ending | None, *, is_asking: bool = False) -> Standing:
    """`is_asking`: whether the job has an open ask."""
    match ending:
        case None:
            return Standing.REQUIRES_ACTION if is_asking else Standing.RUNNING
        case Stopped():
            return Standing.ABORTED
        case Failed():
            return Standing.ERROR
        case _:
            return Standing.COMPLETE
