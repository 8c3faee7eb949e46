"""Jobs whose process ended under them: brought to an ending from what the journal has of them."""

from collections.abc import Mapping, Sequence
from typing import Final

import structlog
from msgspec import Struct, structs

from legato.actors.ending import RESTART, ending_of
from legato.actors.keeping import (
    conversation_of,
    moment_of,
    store_beginning,
    store_ending,
    stored_beginning,
    stored_ending,
)
from legato.actors.messages import Failure, Opening, Settled
from legato.actors.story import Story
from legato.actors.turn import Turn
from legato.content import Conversation, Part, Usage
from legato.events import AnyEnding, AnyEvent, Created, Ending
from legato.models.contract import ModelRequest
from legato.storage.contract import (
    Abandoned,
    Entries,
    ForeignConversation,
    Journal,
    Kept,
    Records,
    RequestTaken,
    UnstorableText,
)

TRIES: Final = 3
"""How often what a job said is read again, before it is taken for what ends the process."""

log = structlog.get_logger()


class Recovered(Struct, frozen=True):
    """A job to be read by those who come back for it, and to go on where it has no ending.

    `former`: the epochs of its former owners, each with the last position that is left of it.
    `opening`: None where it never began.
    """

    turn: Turn
    epoch: int
    opening: Opening | None
    former: Mapping[int, int]
    events: Sequence[AnyEvent]

    @property
    def has_ended(self) -> bool:
        return isinstance(self.events[-1], Ending)


class Heir:
    """Who takes over: every job gets an ending here; see `legato.actors.takeover` for others."""

    def holds(self, job: Abandoned) -> bool:
        """Whether it was recovered already."""
        return False

    async def turn(self, job_id: str) -> Turn | None:
        """What was asked for, where the journal does not say it."""
        return None

    def continues(self, turn: Turn, content: Sequence[Part]) -> bool:
        """Whether the model shall go on from that content, instead of an ending."""
        return False


async def recover(
    journal: Journal, records: Records, heir: Heir | None = None
) -> Sequence[Recovered]:
    """Take over the jobs that nobody owns; bring to an ending what has none and does not go on.

    Whoever gets them notes that they are settled, and if nobody does, they are found again.

    Raises:
        StorageError: if the storage cannot be used; what was not done is found the next time.
    """
    heir = heir or Heir()
    abandoned = [each for each in await journal.take_over() if not heir.holds(each)]
    found = [await recover_one(each, journal, records, heir) for each in abandoned]
    return [recovered for recovered in found if recovered is not None]


async def recover_one(
    job: Abandoned, journal: Journal, records: Records, heir: Heir
) -> Recovered | None:
    """None where nobody can ever read it, or it was taken over once more."""
    kept = await journal.read(job.job_id)
    story = Story(kept if job.attempts <= TRIES else Kept(kept.entries[:1], "it was tried often"))
    asked = await heir.turn(job.job_id)
    is_lost = job.settled and story.ending is None  # nothing more is to be stored of it
    opening = None if is_lost else await _opening(story, asked, records)
    turn = asked or (_turn(job.job_id, opening) if opening else None)
    is_gone = story.has_opened and opening is None
    if turn is None or is_gone or is_lost:
        # Its conversation is gone, or its beginning, or what everybody has heard already.
        log.warning("generation not recovered", job=job.job_id, reason=story.fault)
        await journal.forget([job.job_id])
        return None
    said = await _said(job, story, opening, records)
    can_go_on = opening and said is None and not story.has_faults
    goes_on = can_go_on and heir.continues(turn, story.fold.content())
    is_due = not job.settled and not goes_on
    if is_due and not await _end(job, story, said or _failed(story, opening), journal, records):
        return None
    return Recovered(turn, job.epoch, opening, story.former, story.events)


async def _opening(story: Story, asked: Turn | None, records: Records) -> Opening | None:
    """None where nothing is kept to which there could be an answer."""
    created = story.fold.created
    if created is None or (story.ending and not story.has_opened):
        return None
    if story.has_opened:
        conversation = await conversation_of(created, records)
    elif asked is None:
        conversation = await stored_beginning(created, records)
    else:
        conversation = await _kept_beginning(asked, created, records)
    return Opening(created, ModelRequest(()), conversation, 0) if conversation else None


async def _kept_beginning(asked: Turn, created: Created, records: Records) -> Conversation | None:
    """Keep the question here: whose job it was may not have come to it, or be held up before it,
    and come to it yet.  None where it cannot be."""
    try:
        return await store_beginning(asked, created, records)
    except (ForeignConversation, RequestTaken, UnstorableText):
        return None


def _turn(job_id: str, opening: Opening) -> Turn:
    """As much of it as an ended job is asked for."""
    return Turn(
        job_id=job_id,
        conversation_id=opening.conversation.conversation_id,
        message_id=opening.created.request.message_id,
        response_id=opening.created.response_id,
        user=opening.conversation.user,
        model=opening.created.sender,
    )


async def _said(
    job: Abandoned, story: Story, opening: Opening | None, records: Records
) -> AnyEnding | None:
    """The ending that everybody may have heard: the journal's, or what was stored before the
    journal lost it."""
    if story.ending is not None or opening is None:
        return story.ending
    return await stored_ending(job.job_id, opening, records)


async def _end(
    job: Abandoned, story: Story, ending: AnyEnding, journal: Journal, records: Records
) -> bool:
    """In the order of a job that lives: decided, stored, and then to be said.

    False where the job has been taken over once more, and is not ours to end.
    """
    if story.ending is None:
        sealing = Entries(job.job_id, job.epoch, len(story.events) + 1, (ending,))
        if await journal.append([sealing]):
            return False
        story.go_on(sealing)
    story.events[-1] = await _stored(job.job_id, ending, story.fold.created, records)
    log.warning(
        "generation recovered", job=job.job_id, events=len(story.events), incomplete=story.fault
    )
    return True


def _failed(story: Story, opening: Opening | None) -> AnyEnding:
    why = RESTART
    if story.fault is not None:
        why = Failure(why.reason, f"{why.message}  Not all of it can be read: {story.fault}.")
    ending = ending_of(why, opening, story.fold.content(), Usage(), Settled(None))
    created = story.fold.created
    return structs.replace(ending, at=moment_of(created.asked if created else None))


async def _stored(
    job_id: str, ending: AnyEnding, created: Created | None, records: Records
) -> AnyEnding:
    """The ending, once its answer is stored; if it was already, that changes nothing."""
    try:
        stored = await store_ending(ending, created, records, job_id=job_id)
    except UnstorableText:
        return structs.replace(ending, unsaved=True)
    return structs.replace(ending, conversation=stored or ending.conversation)
