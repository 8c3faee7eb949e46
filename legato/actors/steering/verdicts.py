"""Decides on words and answers that come from outside for a running job.  Pure.

A decision is the events to append, and the reply.  The job appends the events in the same step, and
sends the reply once the events are durable.
"""

from collections.abc import Callable
from typing import Final, assert_never

from msgspec import Struct
from msgspec.structs import replace

from legato.actors.conversation.turn import Turn
from legato.actors.steering.interjections import (
    AnswerAsk,
    AnswerReceipt,
    CancelSteer,
    FindSteer,
    Interjection,
    Reason,
    Receipt,
    Rejected,
    Steer,
    SteerReceipt,
)
from legato.events import (
    Answered,
    AnyEnding,
    AnyEvent,
    Cursor,
    Snapshot,
    SteerReturned,
    SteerTaken,
)
from legato.requests import TurnRequest

MOST_WAITING: Final = 10
"""Steers of one job that wait for a model call."""

MOST_STEERS: Final = 100
"""Steers of one job, with those that were read: each keeps a receipt in the log."""


class Verdict(Struct, frozen=True):
    """The events to append, and the reply, given the cursor behind the events."""

    events: tuple[AnyEvent, ...]
    reply: Callable[[Cursor], Receipt]


def verdict(
    question: Interjection,
    turn: Turn,
    snapshot: Snapshot,
    ending: AnyEnding | None,
    *,
    is_answering: bool,
) -> Verdict:
    """`turn`: the job's.  `is_answering`: the model is being asked, and nothing is decided."""
    match question:
        case Steer():
            return _steer(question, turn, snapshot, ending, is_answering=is_answering)
        case CancelSteer(steer_id):
            return _cancel(steer_id, snapshot)
        case FindSteer(steer_id):
            steer = _found(steer_id, snapshot)
            return _receipt(steer, snapshot) if steer else _unknown_steer(steer_id)
        case AnswerAsk():
            return _answer(question, snapshot, ending)
        case _:
            assert_never(question)


def _steer(
    steer: Steer,
    turn: Turn,
    snapshot: Snapshot,
    ending: AnyEnding | None,
    *,
    is_answering: bool,
) -> Verdict:
    known = _found(steer.client_id or steer.steer_id, snapshot)
    if known is not None:
        return _again(steer, known, snapshot)
    if ending is not None:
        return _reject("ended", "The generation has ended.", ending=ending)
    if not is_answering:
        return _reject("not_begun", "The generation has not begun, or is about to end.")
    if len(snapshot.waiting_steers) >= MOST_WAITING:
        return _reject("too_many_steers", f"{MOST_WAITING} steers wait already.")
    if len(snapshot.steers) >= MOST_STEERS:
        return _reject("too_many_receipts", f"A generation takes {MOST_STEERS} steers.")
    taken = SteerTaken(
        steer_id=steer.steer_id,
        text=steer.text,
        at=steer.at,
        client_id=steer.client_id,
        preempt=steer.preempt,
        next_turn=_next_turn(steer, turn),
    )
    return _receipt(taken, snapshot, taken)


def _next_turn(steer: Steer, turn: Turn) -> TurnRequest | None:
    """The turn that the words become, behind this answer; a request to an API is no such turn."""
    if steer.next_turn is None or turn.prompt is not None:
        return None
    ids = steer.next_turn
    return turn.following(
        text=steer.text,
        job_id=ids.job_id,
        message_id=ids.message_id,
        response_id=ids.response_id,
        steer_id=steer.steer_id,
    )


def _again(steer: Steer, known: SteerTaken, snapshot: Snapshot) -> Verdict:
    """The same steer again: its receipt; now preempting, if that is asked for and still matters."""
    if steer.text != known.text:
        return _reject("other_text", f"The steer {known.client_id!r} had another text.")
    if steer.preempt and not known.preempt and known.steer_id not in snapshot.outcomes:
        known = replace(known, preempt=True)
        return _receipt(known, snapshot, known)
    return _receipt(known, snapshot)


def _cancel(steer_id: str, snapshot: Snapshot) -> Verdict:
    steer = _found(steer_id, snapshot)
    if steer is None:
        return _unknown_steer(steer_id)
    if steer.steer_id in snapshot.outcomes:
        return _receipt(steer, snapshot)
    gone = SteerReturned(steer.steer_id, "cancelled")
    return Verdict((gone,), lambda cursor: SteerReceipt(steer, 0, cursor, gone))


def _found(steer_id: str, snapshot: Snapshot) -> SteerTaken | None:
    """By our id, or by the caller's own."""
    named = (each for each in snapshot.steers if steer_id in (each.steer_id, each.client_id))
    return next(named, None)


def _receipt(steer: SteerTaken, snapshot: Snapshot, *events: AnyEvent) -> Verdict:
    outcome = snapshot.outcomes.get(steer.steer_id)
    ids = [each.steer_id for each in snapshot.waiting_steers]
    place = ids.index(steer.steer_id) + 1 if steer.steer_id in ids else len(ids) + 1
    position = place if outcome is None else 0
    return Verdict(events, lambda cursor: SteerReceipt(steer, position, cursor, outcome))


def _unknown_steer(steer_id: str) -> Verdict:
    return _reject("unknown_steer", f"The generation has no steer {steer_id!r:.80}.")


def _answer(answer: AnswerAsk, snapshot: Snapshot, ending: AnyEnding | None) -> Verdict:
    said = answer.answered
    ask = next((each for each in snapshot.asks if each.ask_id == said.ask_id), None)
    if ask is None:
        return _reject("unknown_ask", f"The generation asks nothing named {said.ask_id!r:.80}.")
    winner = snapshot.answers.get(said.ask_id)
    if winner is not None:
        return _answered_before(said, winner, ending)
    if answer.at >= ask.expires_at:
        return _reject("expired", "The ask has expired.")
    if said.decision not in ask.allowed:
        allowed = ", ".join(ask.allowed)
        return _reject("not_allowed", f"found {said.decision!r}; allowed are {allowed}")
    return Verdict((said,), lambda cursor: AnswerReceipt(said, cursor))


def _answered_before(said: Answered, winner: Answered, ending: AnyEnding | None) -> Verdict:
    if winner == said:
        return Verdict((), lambda cursor: AnswerReceipt(winner, cursor))
    if winner.decision == "expired":
        return _reject("expired", "The ask has expired.", winner=winner, ending=ending)
    if winner.decision == "cancel":
        return _reject("ended", "The generation has ended.", winner=winner, ending=ending)
    return _reject("answered", f"The ask was answered: {winner.decision}.", winner=winner)


def _reject(
    reason: Reason,
    message: str,
    *,
    winner: Answered | None = None,
    ending: AnyEnding | None = None,
) -> Verdict:
    return Verdict((), lambda cursor: Rejected(reason, message, cursor, winner, ending))
