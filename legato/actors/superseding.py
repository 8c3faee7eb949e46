"""Decides about a new message while a run of its conversation waits for an answer.

The policy is `on_busy` (as in any busy conversation), `refuse`, or `deny_and_continue`: the asks
are denied, the run goes on, and the new turn comes next.
"""

import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from msgspec import Struct

from legato.actors.admission import RunPaused
from legato.actors.conversation.turn import Turn
from legato.actors.jobs import Jobs
from legato.actors.mailbox import ActorStopped
from legato.actors.ref import JobRef, time_of
from legato.actors.start import StartReply, start_turn
from legato.actors.steering.interjections import AnswerAsk
from legato.config import OnBusy, WhileWaiting
from legato.events import Answered, Asked
from legato.storage.contracts.records import Records

SUPERSEDED: Final = "The user sent a new message instead of an answer."
"""The reason of the denial, for the model."""


class _WaitingRun(Struct, frozen=True):
    """A run, and what it asks."""

    job: JobRef
    asks: Sequence[Asked]


async def start_beside_waiting(
    turn: Turn,
    on_busy: OnBusy,
    while_waiting: WhileWaiting,
    now: int,
    *,
    jobs: Jobs,
    records: Records,
    refusal: Exception | None = None,
) -> StartReply:
    """Start a turn as `start_turn` does, with regard to runs that wait.

    `now`: milliseconds since 1970.  With `deny_and_continue` the turn is kept before anything is
    denied: a start that is refused, or whose process dies, takes nobody's answer away.  To repeat
    the start denies the rest.

    Raises:
        RunPaused: where a run waits, and the new message is to be refused.
        As `start_turn` does.
    """
    runs = [] if while_waiting == "on_busy" else await _waiting_runs(turn, jobs)
    if runs and while_waiting == "refuse" and not await jobs.knows(turn):
        raise RunPaused("The conversation's generation waits for an answer: give that first.")
    denies = bool(runs) and while_waiting == "deny_and_continue"
    how: OnBusy = "enqueue" if denies else on_busy
    reply = await start_turn(turn, how, jobs=jobs, records=records, refusal=refusal)
    if denies and reply.generation_id is not None:
        since = time_of(reply.generation_id) if reply.status == "resumed" else math.inf
        for run in runs:
            await _deny(run, turn.user, since, now)
    return reply


async def _waiting_runs(turn: Turn, jobs: Jobs) -> Sequence[_WaitingRun]:
    runs = []
    for job in await jobs.unended(turn.user, turn.conversation_id):
        if job.user != turn.user:
            continue  # the start is refused
        with suppress(ActorStopped):
            if asks := (await job.status()).snapshot.open_asks:
                runs.append(_WaitingRun(job, asks))
    return runs


async def _deny(run: _WaitingRun, user: str, since: float, now: int) -> None:
    """Deny what was asked up to `since`; an answer that came first stays.

    The asks were looked up before the start, so a first start comes after all asks, however the
    clocks of two processes differ.  A repeated start leaves alone what was asked after the first
    start, perhaps by the run of the message itself.
    """
    for ask in run.asks:
        if ask.at > since:
            continue
        denied = Answered(ask_id=ask.ask_id, decision="deny", by=user, reason=SUPERSEDED)
        with suppress(ActorStopped):
            await run.job.ask(AnswerAsk(denied, now))
