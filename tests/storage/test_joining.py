"""A job's log with a gap: entries that are read, and entries that heal the gap."""

from legato.events import TextDelta
from legato.storage.contracts.journal import Entries, Kept
from legato.storage.joining import Joining


def said(first: int, last: int, epoch: int = 1) -> Entries:
    events = tuple(TextDelta(0, str(position)) for position in range(first, last + 1))
    return Entries("j", epoch, first, events)


def joined(*entries: Entries | str) -> Kept:
    joining = Joining()
    for each in entries:
        if isinstance(each, str):
            joining.miss(each)
        else:
            joining.add(each)
    return joining.kept()


def test_what_follows_and_what_overlaps_is_joined() -> None:
    entries = [said(1, 2), said(3, 3), said(2, 3), said(2, 5), said(6, 7)]

    assert joined(*entries) == Kept(entries)


def test_what_stands_behind_a_gap_is_left_out_and_said() -> None:
    fault = "its entries from 3 on: they are not there"

    assert joined(said(1, 2), said(4, 5), said(6, 6)) == Kept([said(1, 2)], fault)


def test_what_begins_at_or_below_a_gap_heals_it() -> None:
    for healing in (said(3, 6), said(1, 6), said(3, 3, epoch=2)):
        assert joined(said(1, 2), said(4, 5), healing) == Kept([said(1, 2), healing])


def test_what_ends_before_a_gap_heals_nothing() -> None:
    kept = joined(said(1, 2), said(4, 5), said(1, 2), said(6, 6))

    assert kept.fault == "its entries from 3 on: they are not there"


def test_what_cannot_be_read_is_healed_as_a_gap_is() -> None:
    assert joined(said(1, 2), "unreadable", said(4, 4)) == Kept([said(1, 2)], "unreadable")
    assert joined(said(1, 2), "unreadable", said(3, 4)) == Kept([said(1, 2), said(3, 4)])


def test_behind_what_a_later_owner_says_former_words_leave_a_gap() -> None:
    kept = joined(said(1, 5), said(3, 3, epoch=2), said(6, 6, epoch=2))

    assert kept.entries == [said(1, 5), said(3, 3, epoch=2)]
    assert kept.fault == "its entries from 4 on: they are not there"
