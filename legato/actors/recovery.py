"""Jobs whose process ended under them: brought to an ending from what the journal has of them."""

from collections.abc import Mapping, Sequence
from typing import Final

import structlog
from msgspec import Struct, structs

from legato.actors.ending import answer_of, ending_of
from legato.actors.fold import Fold
from legato.actors.messages import Failure, Opening, Settled
from legato.actors.turn import Turn
from legato.content import Usage
from legato.events import AnyEnding, AnyEvent
from legato.models.contract import ModelRequest
from legato.storage.contract import Abandoned, Entries, Journal, Kept, Records, UnstorableText

TRIES: Final = 3
"""How often what a job said is read again, before it is taken for what ends the process."""

RESTART: Final = Failure("server_restart", "The server ended while this was being answered.")

log = structlog.get_logger()


class Recovered(Struct, frozen=True):
    """A job that has ended, to be read by those who come back for it.

    `former`: the epochs of its former owners, each with the last position that is left of it.
    """

    turn: Turn
    opening: Opening
    former: Mapping[int, int]
    events: Sequence[AnyEvent]

    @property
    def epoch(self) -> int:
        return max(self.former) + 1


async def recover(journal: Journal, records: Records) -> Sequence[Recovered]:
    """Bring every job to an ending that nobody else will, and store its answer.

    Raises:
        StorageError: if the storage cannot be used; what was not done is found the next time.
    """
    found = [await _recover(each, journal, records) for each in await journal.take_over()]
    return [recovered for recovered in found if recovered is not None]


async def _recover(job: Abandoned, journal: Journal, records: Records) -> Recovered | None:
    kept = await journal.read(job.job_id)
    story = Story(kept if job.attempts <= TRIES else Kept(kept.entries[:1], "too many attempts"))
    recovered = await _sealed(job.job_id, story, records)
    log.warning(
        "generation recovered" if recovered else "generation lost",
        job=job.job_id,
        events=len(story.events),
        attempts=job.attempts,
        fault=story.fault,
    )
    await journal.forget([job.job_id])
    return recovered


class Story:
    """As much of what a job said as hangs together."""

    def __init__(self, kept: Kept) -> None:
        self.fault = kept.fault
        self.fold = Fold()
        self.events: list[AnyEvent] = []
        self.former: dict[int, int] = {}
        try:
            for entries in kept.entries:
                self._read(entries)
        except ValueError as error:
            self.fault = str(error)

    def _read(self, entries: Entries) -> None:
        if entries.first != len(self.events) + 1:
            raise ValueError(f"nothing follows event {len(self.events)} before {entries.first}")
        for event in entries.events:
            self.fold.apply(event)
            self.events.append(event)
            self.former[entries.epoch] = len(self.events)

    @property
    def ending(self) -> AnyEnding | None:
        last = self.events[-1] if self.events else None
        return last if isinstance(last, AnyEnding) else None


async def _sealed(job_id: str, story: Story, records: Records) -> Recovered | None:
    """None where there is nobody to say it to: its conversation is gone, or its beginning is."""
    created = story.fold.created
    if created is None:
        return None
    conversation = await records.conversation(created.request.conversation_id)
    if conversation is None:
        return None
    opening = Opening(created, ModelRequest(()), conversation, 0)
    said = story.events if story.ending is None else story.events[:-1]
    ending = await _stored(story.ending or _failed(story, opening), records)
    turn = Turn(
        job_id=job_id,
        conversation_id=conversation.conversation_id,
        message_id=created.request.message_id,
        response_id=created.response_id,
        user=conversation.user,
        model=created.sender,
    )
    return Recovered(turn, opening, story.former, [*said, ending])


def _failed(story: Story, opening: Opening) -> AnyEnding:
    why = RESTART
    if story.fault is not None:
        why = Failure(why.reason, f"{why.message}  Not all of it can be read: {story.fault}.")
    answer = answer_of(why, opening, story.fold.content(), Usage())
    return ending_of(why, opening, answer, Usage(), Settled(None))


async def _stored(ending: AnyEnding, records: Records) -> AnyEnding:
    """The ending, its answer stored; if it is already, that changes nothing."""
    if ending.response is None:
        return ending
    try:
        stored = await records.close_turn(ending.response)
    except UnstorableText:
        return structs.replace(ending, unsaved=True)
    return structs.replace(ending, conversation=stored or ending.conversation)
