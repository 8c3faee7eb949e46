"""Ends a dead process's job: with the ending that readers may have heard, or with a new ending."""

import structlog
from msgspec import structs

from legato.actors.conversation.turn_store import TurnStore
from legato.actors.durability.replay import Replay
from legato.actors.ending import RESTART, Decision, ending_of
from legato.actors.messages import Failure, Opening, Stored
from legato.content import Usage
from legato.events import AnyEnding, Created, Failed
from legato.shown import shown
from legato.storage.contracts.errors import UnstorableText
from legato.storage.contracts.journal import Entries, Journal, OrphanedJob

log = structlog.get_logger()


async def heard_ending(
    job_id: str, replay: Replay, opening: Opening | None, store: TurnStore
) -> AnyEnding | None:
    """The ending which readers may have heard: the journal's, else the stored answer's."""
    if replay.ending is not None or opening is None:
        return replay.ending
    return await store.said(job_id, opening)


async def seal(
    job: OrphanedJob,
    replay: Replay,
    ending: AnyEnding,
    opening: Opening | None,
    journal: Journal,
    store: TurnStore,
) -> bool:
    """End the job in the order of a living job: decided, stored, and then to be said.

    False where another process has taken the job over, and ends it.
    """
    if replay.ending is None:
        sealing = Entries(job.job_id, job.epoch, len(replay.events) + 1, (ending,))
        if await journal.append([sealing]):
            return False
        replay.go_on(sealing)
    answered = _answered(ending, opening)
    stored = await _stored(job.job_id, answered, replay.created, store)
    if answered is ending:  # else the ending was said without the answer, and stays
        replay.events[-1] = stored
    log.warning(
        "generation recovered", job=job.job_id, events=len(replay.events), incomplete=replay.fault
    )
    return True


def restart_ending(replay: Replay, opening: Opening | None, store: TurnStore) -> AnyEnding:
    why = RESTART
    if replay.fault is not None:
        why = Failure(why.reason, f"{why.message}  Not all of it can be read: {replay.fault}.")
    decision, snapshot = Decision(why, store.moment()), replay.snapshot
    return ending_of(decision, opening, shown(snapshot), Usage(), Stored(None), snapshot)


def _answered(ending: AnyEnding, opening: Opening | None) -> AnyEnding:
    """Add the answer to an ending, if the owner died between storing the question and saying so."""
    if opening is None or ending.request is not None or not isinstance(ending, Failed):
        return ending
    decision = Decision(Failure(ending.reason, ending.message, ending.retry_after), ending.at)
    return ending_of(decision, opening, (), ending.usage, Stored(None))


async def _stored(
    job_id: str, ending: AnyEnding, created: Created | None, store: TurnStore
) -> AnyEnding:
    """The ending, once its answer is stored; an answer stored before stays as it was."""
    if created is None:
        return ending  # without a question
    try:
        stored = await store.close(job_id, ending, created)
    except UnstorableText:
        return structs.replace(ending, unsaved=True)
    return structs.replace(ending, conversation=stored or ending.conversation)
