"""Brings the jobs of a dead process to an ending, from their logs in the journal."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import structlog
import trio

from legato.actors.conversation.stores import turn_store
from legato.actors.conversation.turn import Turn
from legato.actors.conversation.turn_store import TurnStore
from legato.actors.durability.job_journal import ENTRY_BYTES
from legato.actors.durability.parked import Parked
from legato.actors.durability.promised import promised_turn
from legato.actors.durability.recovered import Recovered
from legato.actors.durability.replay import Replay
from legato.actors.durability.sealing import heard_ending, restart_ending, seal
from legato.actors.durability.takeover import TakeoverPolicy
from legato.actors.messages import Opening
from legato.actors.queue.questions import MOST_CHANGES
from legato.actors.stream.memory_sizes import JOB_BYTES
from legato.agents.calls import only_waits
from legato.content import Conversation
from legato.events import AnyEvent, Asked, Created, Snapshot, SteerReturned, text_bytes
from legato.models.contract import ModelRequest
from legato.storage.contracts.errors import (
    ForeignConversation,
    RequestTaken,
    StorageError,
    UnstorableText,
)
from legato.storage.contracts.journal import Journal, Kept, OrphanedJob
from legato.storage.contracts.records import Records

_TOGETHER: Final = 16
"""Logs that are read together: by then the way to the storage and back costs each next to nothing,
and the longest answers allowed make some ten megabytes."""

TRIES: Final = 3
"""How often what a job said is read again, before it is taken for what ends the process."""

_RETRIES: Final = (0.25, 0.5, 1.0)
"""Seconds after each attempt to recover a job; a process that starts has not longer for one."""

HAND_OVERS: Final = 100
"""The same for a turn or a run that waits: it comes to every process that is replaced meanwhile,
and does nothing there that could end the process."""

log = structlog.get_logger()


class Recovery:
    """Takes over what dead processes left in this journal; answers are stored in `records`.

    `policy` decides which answers go on; without, none does.
    """

    def __init__(
        self, journal: Journal, records: Records, policy: TakeoverPolicy | None = None
    ) -> None:
        self._journal = journal
        self._records = records
        self._policy = policy or TakeoverPolicy()

    async def all(self, *, most: float = math.inf) -> Sequence[Recovered | Parked]:
        """Take over the jobs without an owner; end the begun jobs without an ending.

        Of a run that only waits for answers nothing is kept but an entry, however many there are.

        Jobs marked as done are there only to be read.  The newest of them are read, up to about
        `most` bytes; the others are forgotten unread.  All jobs come in the order of their ids.
        The caller marks the returned jobs as done; a job without the mark is found again.

        A job which cannot be ended though the storage works is left to the next process, and does
        not hold up the rest.

        Raises:
            StorageError: if the storage cannot be used; the remaining jobs are found the next time.
        """
        abandoned = await self._journal.take_over()
        due = [each for each in abandoned if not each.marked_done]
        found: list[Recovered | Parked | None] = []
        for at in range(0, len(due), _TOGETHER):
            found += await self._recovered(due[at : at + _TOGETHER])
        done = [each for each in abandoned if each.marked_done]
        while done and most > 0:
            found.append(recovered := await self._tried(done.pop()))
            most -= _size_of(recovered.events) if isinstance(recovered, Recovered) else 0
        if done:
            await self._journal.forget([each.job_id for each in done])
        kept = [each for each in found if each is not None]
        return sorted(kept, key=lambda each: each.turn.job_id)

    async def _recovered(self, jobs: Sequence[OrphanedJob]) -> Sequence[Recovered | Parked | None]:
        """Recover some jobs, whose logs are read together."""
        found = []
        logs = await self._read_all(jobs)
        for job in jobs:
            found.append(await self._tried(job, logs.get(job.job_id)))
            await trio.lowlevel.checkpoint()
        return found

    async def _read_all(self, jobs: Sequence[OrphanedJob]) -> Mapping[str, Kept]:
        """The logs, or nothing where they cannot be read together: then each is read by itself."""
        ids = [job.job_id for job in jobs]
        try:
            return dict(zip(ids, await self._journal.read_all(ids), strict=True))
        except StorageError as error:
            log.warning("logs not read together", jobs=len(ids), reason=str(error))
            return {}

    async def _tried(self, job: OrphanedJob, kept: Kept | None = None) -> Recovered | Parked | None:
        """Recover the job; None, too, if each attempt fails though the storage works.

        `kept`: the log, where it was read already.
        """
        for pause in _RETRIES:
            try:
                if kept is None:
                    kept = await self._journal.read(job.job_id)
                return await self.from_log(_replay(job, kept), job)
            except StorageError as error:
                kept = None
                log.warning("not recovered yet", job=job.job_id, reason=str(error))
                await self._records.ping()
                await trio.sleep(pause)
        log.error("generation left to the next start", job=job.job_id)
        return None

    async def one(self, job: OrphanedJob) -> Recovered | Parked | None:
        """None where nobody can ever read the job, or another process has taken it over."""
        replay = _replay(job, await self._journal.read(job.job_id))
        return await self.from_log(replay, job)

    async def from_log(self, replay: Replay, job: OrphanedJob) -> Recovered | Parked | None:
        """Recover the job whose log is `replay`; None: see `one`."""
        known = Turn.of(replay.turn) if replay.turn else await self._policy.turn(job.job_id)
        if known and replay.still_waits:
            return Recovered(known, job.epoch, None, replay.previous_epochs, replay.events)
        if known and not (replay.events or replay.has_faults or job.marked_done):
            promised = await promised_turn(known, self._journal)
            if promised is not None:
                return Recovered(promised, job.epoch, None, replay.previous_epochs, ())
        if (entry := _waiting(replay, job, known, self._policy)) is not None:
            return entry
        # Nothing more is to be stored of a job that is marked as done.
        is_lost = job.marked_done and replay.ending is None
        opening = None if is_lost else await self._opening(replay, known)
        turn = known or (_turn(job.job_id, opening) if opening else None)
        is_gone = replay.has_opened and opening is None
        if turn is None or is_gone or is_lost:
            # The conversation is gone, or the beginning, or an ending which everybody has heard.
            log.warning("generation not recovered", job=job.job_id, reason=replay.fault)
            await self._journal.forget([job.job_id])
            return None
        store = turn_store(replay.created.api_request if replay.created else None, self._records)
        said = await heard_ending(job.job_id, replay, opening, store)
        goes_on = (
            opening is not None
            and said is None
            and not replay.has_faults
            and not _was_ending(replay.snapshot)
            and self._policy.continues(turn, replay.snapshot)
            and replay.turn is not None  # or the model would be asked something else
        )
        if not job.marked_done and not goes_on:
            ending = said or restart_ending(replay, opening, store)
            if not await seal(job, replay, ending, opening, self._journal, store):
                return None
        return Recovered(
            *(turn, job.epoch, opening, replay.previous_epochs, replay.events),
            is_done=job.marked_done,
        )

    async def _opening(self, replay: Replay, turn: Turn | None) -> Opening | None:
        """None where no question is stored, and no answer can be."""
        created = replay.created
        if created is None:
            return None
        store = turn_store(created.api_request, self._records)
        if replay.has_opened:
            conversation = await store.conversation(created)
        elif turn is None or replay.ending is not None:
            conversation = await store.opened(created)
        else:
            conversation = await _kept_question(store, turn, created)
        return Opening(created, ModelRequest(()), conversation, 0) if conversation else None


def _size_of(events: Sequence[AnyEvent]) -> int:
    """About what a job of these events keeps in memory, in bytes."""
    return JOB_BYTES + sum(map(text_bytes, events)) + ENTRY_BYTES * len(events)


def _was_ending(snapshot: Snapshot) -> bool:
    """Whether the former owner had decided to stop the run, or that the run failed, and had
    returned steers or cancelled asks for that: clients may have heard so."""
    is_returned = any(
        isinstance(each, SteerReturned) and each.why in ("stopped", "failed")
        for each in snapshot.outcomes.values()
    )
    return is_returned or any(each.decision == "cancel" for each in snapshot.answers.values())


def _waiting(
    replay: Replay, job: OrphanedJob, turn: Turn | None, policy: TakeoverPolicy
) -> Parked | None:
    """The entry of a run that only waits for answers; None for any other job.

    Nothing is read but the log: a process may begin with ten thousand of them.
    """
    if turn is None or replay.turn is None or replay.ending is not None or replay.has_faults:
        return None
    snapshot = replay.snapshot
    if _was_ending(snapshot) or not (only_waits(snapshot) and policy.continues(turn, snapshot)):
        return None
    expires_at = min(ask.expires_at for ask in snapshot.open_asks)
    return Parked.of(turn, job.epoch, len(replay.events), expires_at, trio.Event())


def _replay(job: OrphanedJob, kept: Kept) -> Replay:
    """Replay the log; after too many attempts only its first entry, since the rest may crash."""
    most = HAND_OVERS if _may_wait(kept) else TRIES
    if job.attempts <= most or (
        len(kept.entries) <= MOST_CHANGES + 1 and job.attempts <= HAND_OVERS
    ):
        replay = Replay(kept)
        if job.attempts <= TRIES or replay.is_unasked or only_waits(replay.snapshot):
            return replay
    return Replay(Kept(kept.entries[:1], "it was tried often"))


def _may_wait(kept: Kept) -> bool:
    """Whether the log may be that of a queued turn or a waiting run; told without a replay."""
    asks = any(isinstance(event, Asked) for each in kept.entries for event in each.events)
    return asks or len(kept.entries) == 1


async def _kept_question(store: TurnStore, turn: Turn, created: Created) -> Conversation | None:
    """Store the question: its owner may not have come to do so, or be held up before.

    None where the question cannot be stored.
    """
    try:
        return await store.open(turn, created)
    except (ForeignConversation, RequestTaken, UnstorableText):
        return None


def _turn(job_id: str, opening: Opening) -> Turn:
    """Make as much of a turn as an ended job needs."""
    return Turn(
        job_id=job_id,
        conversation_id=opening.conversation.conversation_id,
        message_id=opening.created.request.message_id,
        response_id=opening.created.response_id,
        user=opening.conversation.user,
        model=opening.created.sender,
    )
