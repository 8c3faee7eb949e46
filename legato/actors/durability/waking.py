"""Makes parked runs whole again, from their logs in the journal."""

from collections.abc import Callable, Sequence

import structlog
import trio
from msgspec import Struct

from legato.actors.conversation.openings import begun_turn, reopened
from legato.actors.conversation.turn import Turn
from legato.actors.durability.parked import Parked
from legato.actors.durability.recovered import Recovered
from legato.actors.durability.recovery import Recovery
from legato.actors.durability.replay import Replay
from legato.actors.durability.takeover import TakeoverPolicy
from legato.agents.calls import only_waits
from legato.events import Created, Snapshot
from legato.models.contract import Model
from legato.storage.contracts.journal import Journal, OrphanedJob
from legato.storage.contracts.records import Records, StoredPlace

log = structlog.get_logger()


class _LostLog(TakeoverPolicy):
    """Ends the run of a log that the journal does not have whole any more."""

    def __init__(self, turn: Turn) -> None:
        super().__init__()
        self._turn = turn

    async def turn(self, job_id: str) -> Turn | None:
        return self._turn

    def continues(self, turn: Turn, snapshot: Snapshot) -> bool:
        return False


class _Run(Struct, frozen=True):
    """A parked run, and what the journal has of it."""

    entry: Parked
    replay: Replay

    @property
    def is_anothers(self) -> bool:
        """Whether another replica owns the run by now.

        An ending under the next epoch was said here, by an attempt that could not store the answer.
        Where another replica said it, to store the same answer again changes nothing.
        """
        newest = max(self.replay.previous_epochs, default=0)
        is_ended = self.replay.ending is not None and newest == self.entry.epoch + 1
        return newest > self.entry.epoch and not is_ended

    @property
    def is_whole(self) -> bool:
        """Whether the journal has the log to its end."""
        replay, is_long = self.replay, len(self.replay.events) == self.entry.tail
        return is_long and not replay.has_faults and only_waits(replay.snapshot)

    @property
    def may_be_answered(self) -> bool:
        """Whether a former process may have ended the run, and stored its answer, though the
        journal lost the rest of the log: not where this process has written to the log."""
        return self.entry.epoch not in self.replay.previous_epochs


class _Plan(Struct, frozen=True):
    """All that a whole run needs for going on."""

    turn: Turn
    created: Created
    model: Model


async def reread(
    entries: Sequence[Parked],
    journal: Journal,
    records: Records,
    model_of: Callable[[str], Model],
) -> Sequence[Recovered | None]:
    """Return the runs as they were parked, under the same epochs, with the requests for models.

    All runs are read together.  A run with a lost or unreadable log comes with an ending that says
    so, under the next epoch: cursors beyond the rest of the log do not hold.  None where another
    replica owns the run by now, or the conversation is gone.

    Raises:
        StorageError: if the storage cannot be used now; nothing is changed then.
    """
    runs = await _read(entries, journal)
    plans = {run.entry.turn.job_id: plan for run in runs if (plan := _plan(run, model_of))}
    turns = [begun_turn(plan.turn, plan.model, plan.created) for plan in plans.values()]
    places = dict(zip(plans, await records.places(turns) if turns else (), strict=True))
    found: list[Recovered | None] = []
    for run in runs:
        job_id = run.entry.turn.job_id
        place = places.get(job_id)
        if run.is_anothers:
            found.append(None)
        elif place is None or (place.is_answered and run.may_be_answered):
            found.append(await _lost(run, journal, records))
        else:
            found.append(await _planned(run, plans[job_id], place, journal))
    return found


async def _read(entries: Sequence[Parked], journal: Journal) -> Sequence[_Run]:
    runs = []
    logs = await journal.read_all([entry.turn.job_id for entry in entries])
    for entry, kept in zip(entries, logs, strict=True):
        runs.append(_Run(entry, Replay(kept)))
        await trio.lowlevel.checkpoint()  # a long log has the loop for a while
    return runs


def _plan(run: _Run, model_of: Callable[[str], Model]) -> _Plan | None:
    """None where the run does not go on from there."""
    created, request = run.replay.created, run.replay.turn
    if run.is_anothers or not (created and request and run.is_whole):
        return None
    turn = Turn.of(request)
    return _Plan(turn, created, model_of(turn.model))


async def _lost(run: _Run, journal: Journal, records: Records) -> Recovered | None:
    entry, replay = run.entry, run.replay
    job_id = entry.turn.job_id
    log.error("log of a waiting run is lost", job=job_id, left=len(replay.events), of=entry.tail)
    orphaned = OrphanedJob(job_id, entry.epoch + 1, attempts=0, marked_done=False)
    found = await Recovery(journal, records, _LostLog(entry.turn)).from_log(replay, orphaned)
    assert not isinstance(found, Parked), "the policy ends the run"
    return found


async def _planned(
    run: _Run, plan: _Plan, place: StoredPlace, journal: Journal
) -> Recovered | None:
    """The run with the model's next request; None where the conversation is gone."""
    turn, entry, replay = plan.turn, run.entry, run.replay
    if place.conversation is None:
        log.warning("waiting run has no conversation any more", job=turn.job_id)
        await journal.forget([turn.job_id])
        return None
    content = replay.snapshot.content
    stored = place.conversation, place.branch
    opening = reopened(turn, plan.model, plan.created, content, *stored)
    epochs = {epoch: tail for epoch, tail in replay.previous_epochs.items() if epoch < entry.epoch}
    return Recovered(turn, entry.epoch, opening, epochs, replay.events, is_planned=True)
