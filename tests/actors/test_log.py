import pytest

from legato.actors.log import Log, Sealed
from legato.events import Finished, StepStarted, TextDelta


def log_of(*texts: str) -> Log:
    log = Log()
    log.append(StepStarted(0, "text"))
    for text in texts:
        log.append(TextDelta(0, text))
    return log


def test_positions_count_from_one() -> None:
    log = log_of("a", "b")

    assert [entry.seq for entry in log.entries] == [1, 2, 3]
    assert (log.tail, log.content_tail, log.ending) == (3, 3, None)
    assert (Log().tail, Log().content_tail) == (0, 0)


def test_the_ending_seals() -> None:
    log = log_of("a")
    log.append(Finished())

    assert (log.tail, log.content_tail) == (3, 2)
    with pytest.raises(Sealed):
        log.append(TextDelta(0, "late"))


def test_a_position_that_was_never_given_is_not_held() -> None:
    log = log_of("a", "b")

    assert log.index_after(0) == 0
    assert log.index_after(3) == 3
    assert log.index_after(4) is None


def test_compaction_keeps_the_last_position_of_what_it_merges() -> None:
    log = log_of("a", "b", "c")
    log.append(StepStarted(1, "text"))
    log.append(TextDelta(1, "d"))
    log.append(Finished())
    before = log.bytes
    log.compact()

    assert [(seq, type(event).__name__) for seq, event in log.entries] == [
        (1, "StepStarted"),
        (4, "TextDelta"),
        (5, "StepStarted"),
        (6, "TextDelta"),
        (7, "Finished"),
    ]
    assert log.entries[1].event == TextDelta(0, "abc")
    assert log.bytes < before
    assert [log.index_after(seq) for seq in range(8)] == [0, 1, None, None, 2, 3, 4, 5]
