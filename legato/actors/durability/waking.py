"""Makes a parked run whole again, from its log in the journal."""

from collections.abc import Callable

import structlog

from legato.actors.conversation.turn import Turn, turn_of
from legato.actors.conversation.turn_store import turn_store
from legato.actors.durability.parked import Parked
from legato.actors.durability.recovery import Recovered, TakeoverPolicy, recover_from
from legato.actors.durability.replay import Replay
from legato.agents.calls import only_waits
from legato.content import TurnRequest
from legato.events import Created, Snapshot
from legato.models.contract import Model
from legato.storage.contracts.errors import ForeignConversation
from legato.storage.contracts.journal import Journal, OrphanedJob
from legato.storage.contracts.records import Records

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


async def reread(
    entry: Parked, journal: Journal, records: Records, model_of: Callable[[str], Model]
) -> Recovered | None:
    """Return the run as it was parked, under the same epoch, with the request for the model.

    A run whose log was lost, or cannot be read, comes with an ending that says so, under the next
    epoch: cursors beyond what is left do not hold.  None where another replica owns the run by now,
    or the conversation is gone.

    Raises:
        StorageError: if the storage cannot be used now; nothing is changed then.
    """
    job_id = entry.turn.job_id
    replay = Replay(await journal.read(job_id))
    if max(replay.previous_epochs, default=0) > entry.epoch:
        return None
    created, request = replay.created, replay.turn
    if created and request and await _is_whole(replay, entry, records):
        return await _planned(entry, replay, created, request, journal, records, model_of)
    log.error("log of a waiting run is lost", job=job_id, left=len(replay.events), of=entry.tail)
    orphaned = OrphanedJob(job_id, entry.epoch + 1, attempts=0, marked_done=False)
    found = await recover_from(replay, orphaned, journal, records, _LostLog(entry.turn))
    assert not isinstance(found, Parked), "the policy ends the run"
    return found


async def _is_whole(replay: Replay, entry: Parked, records: Records) -> bool:
    """Whether the journal has the log to its end.

    A former process may have ended the run, and stored its answer, though the journal lost the
    rest of the log: that is looked up for a run which this process has not written to yet.
    """
    if len(replay.events) != entry.tail or replay.has_faults or not only_waits(replay.snapshot):
        return False
    if entry.epoch in replay.previous_epochs:
        return True
    return await records.answer(entry.turn.job_id) is None


async def _planned(
    entry: Parked,
    replay: Replay,
    created: Created,
    request: TurnRequest,
    journal: Journal,
    records: Records,
    model_of: Callable[[str], Model],
) -> Recovered | None:
    """Read the conversation for the model's next request; None where it is gone."""
    turn = turn_of(request)
    store, content = turn_store(created.api_request, records), replay.snapshot.content
    try:
        opening = await store.reopen(turn, model_of(turn.model), created, content)
    except ForeignConversation:
        log.warning("waiting run has no conversation any more", job=turn.job_id)
        await journal.forget([turn.job_id])
        return None
    epochs = {epoch: tail for epoch, tail in replay.previous_epochs.items() if epoch < entry.epoch}
    return Recovered(turn, entry.epoch, opening, epochs, replay.events, is_planned=True)
