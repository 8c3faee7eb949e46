"""A job's place in the journal."""

from legato.actors.durability.job_journal import Budget, JobJournal
from legato.actors.stream.log import Log
from legato.events import (
    StepStarted,
    TextDelta,
)
from legato.storage.contracts.journal import Entries


class Writer:
    """Notes what there is to write, and writes nothing."""

    patience = 60.0

    def flush(self, job: JobJournal) -> None: ...
    def mark_dirty(self, job: JobJournal) -> None: ...
    def mark_done(self, job: JobJournal) -> None: ...
    def forget(self, job: JobJournal) -> None: ...


def test_what_was_written_before_all_was_lost_does_not_count_after_it() -> None:
    log = Log()
    log.append(StepStarted(0, "text"), *[TextDelta(0, "a")] * 9)
    job = JobJournal("j", 1, log, Writer(), lambda: None, 5)
    entries = job.unwritten(Budget())  # 6..10, on the way
    assert entries is not None
    assert entries.first == 6
    job.start_over()  # the journal came back empty
    job.wrote(entries)  # the reply to the older write
    again = job.unwritten(Budget())
    assert again is not None
    assert again.first == 1


def test_a_write_holds_as_much_as_is_affordable_and_at_least_one_event() -> None:
    log = Log()
    log.append(StepStarted(0, "text"), *[TextDelta(0, "a" * 1000)] * 9)
    job = JobJournal("j", 1, log, Writer(), lambda: None)
    budget = Budget(2000)
    entries = job.unwritten(budget)
    assert entries is not None
    assert len(entries.events) == 3
    assert job.unwritten(budget) is None, "nothing is left"
    job.wrote(entries)
    assert job.is_behind
    following = job.unwritten(Budget(1))
    assert following is not None
    assert (following.first, len(following.events)) == (4, 1)


def test_the_place_of_a_job_that_said_nothing_is_made_again() -> None:
    job = JobJournal("j", 1, Log(), Writer(), lambda: None)
    assert job.unwritten(Budget()) is None
    job.start_over()
    entries = job.unwritten(Budget())
    assert entries == Entries("j", 1, 1, ())
    job.wrote(entries)
    assert not job.is_behind


async def test_what_can_not_be_kept_any_more_is_not_told_again() -> None:
    job = JobJournal("j", 1, Log(), Writer(), lambda: None)
    job.give_up()
    job.start_over()
    assert not job.is_behind
    await job.finished()
