"""The board of notices: bounded, honest about cursors, and held up by no reader."""

from collections.abc import Sequence

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from legato.actors.notices.board import MOST_WAITING, Board, NoticeReader
from legato.actors.notices.notice import News, Notice, NoticeKind


def notice(user: str = "ann", kind: NoticeKind = "started") -> Notice:
    return Notice(user, kind, News(conversation_id="c", at=1))


def board_of(count: int, user: str = "ann", most: int = 100) -> Board:
    """A board whose notices are at the places "1", "2", …"""
    board = Board("0", most)
    for number in range(1, count + 1):
        board.add(str(number), notice(user))
    return board


async def cursors(reader: NoticeReader) -> Sequence[str]:
    received = await reader.receive()
    assert received is not None
    return [each.cursor for each in received]


async def test_what_was_missed_comes_before_what_follows_and_once() -> None:
    board = board_of(3)
    reader = board.follow("ann", "1")
    board.add("4", notice())
    assert await cursors(reader) == ["2", "3", "4"]
    board.add("5", notice("bob"))
    board.add("6", notice())

    assert not reader.is_quiet
    assert await cursors(reader) == ["6"]
    assert reader.is_quiet
    assert not reader.is_reset


async def test_who_waits_is_woken_by_the_own_notices_alone() -> None:
    board = board_of(0)
    reader = board.follow("ann", "0")
    heard: list[str] = []

    async def listen() -> None:
        heard.extend(await cursors(reader))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        board.add("1", notice("bob"))
        await wait_all_tasks_blocked()
        assert heard == []
        board.add("2", notice())

    assert heard == ["2"]


@pytest.mark.parametrize("cursor", [None, "", "4", "x"])
async def test_a_cursor_that_is_not_on_the_board_is_never_guessed_about(
    cursor: str | None,
) -> None:
    reader = board_of(3).follow("ann", cursor)

    assert (reader.is_reset, reader.cursor) == (True, "3")


async def test_a_full_board_forgets_the_oldest_and_says_so() -> None:
    board = board_of(12, most=10)

    assert board.follow("ann", "2").is_reset
    assert await cursors(board.follow("ann", "3")) == [str(each) for each in range(4, 13)]


async def test_a_reader_who_missed_more_than_may_wait_reads_the_lists() -> None:
    board = board_of(MOST_WAITING, most=1000)

    assert board.follow("ann", "0").is_reset
    assert len(await cursors(board.follow("ann", "1"))) == MOST_WAITING - 1


async def test_a_reader_who_does_not_keep_up_is_cut_and_misses_nothing_by_the_own_cursor() -> None:
    board = board_of(0, most=1000)
    slow, quick = board.follow("ann", "0"), board.follow("ann", "0")
    for number in range(1, MOST_WAITING + 2):
        board.add(str(number), notice())
        assert await cursors(quick) == [str(number)]

    assert await slow.receive() is None
    board.leave(slow)
    assert board.readers("ann") == 1
    assert (await cursors(board.follow("ann", "2")))[0] == "3"


async def test_a_board_that_begins_again_cuts_every_reader() -> None:
    board = board_of(3)
    waiting, late = board.follow("ann", "3"), board.follow("bob", "1")
    board.restart("7")

    assert await waiting.receive() is None
    assert await late.receive() is None
    assert board.follow("ann", "3").is_reset
    assert not board.follow("ann", "7").is_reset


async def test_who_leaves_twice_or_late_disturbs_nobody() -> None:
    board = board_of(0)
    one, other = board.follow("ann", "0"), board.follow("ann", "0")
    board.leave(one)
    board.leave(one)
    assert board.readers("ann") == 1
    board.leave(other)
    board.leave(other)

    assert board.readers("ann") == 0
