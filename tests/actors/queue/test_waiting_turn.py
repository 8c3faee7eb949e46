"""Questions about a waiting turn: answered from the log, or left for the recorder."""

from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from legato.actors.lifecycle import Lifecycle, Signal
from legato.actors.mailbox import ReplyTo
from legato.actors.messages import Standing
from legato.actors.queue.changes import Change, change_of
from legato.actors.queue.questions import (
    MOST_CHANGES,
    EditWaiting,
    GetWaiting,
    MoveToFront,
    NotWaiting,
    Waiting,
)
from legato.actors.queue.waiting_turn import WaitingTurn
from legato.actors.stream.feed import Feed
from legato.dialects.contract import Identity
from legato.events import Cursor, QueueChange, Queued, Stopped
from legato.requests import TurnRequest


class Asked:
    """A waiting turn, its log, and what the askers have heard."""

    def __init__(self, *, epoch: int = 1, previous_epochs: Any = None) -> None:
        self.feed = Feed(Identity("j", epoch, "c", "a"), {}, previous_epochs)
        self.lifecycle = Lifecycle()
        self.turn = WaitingTurn(self.feed, self.lifecycle)
        self.publish("hello")

    def publish(self, text: str, rank: int = 0, change: QueueChange | None = None) -> None:
        event = Queued(request(text, rank), change)
        self.feed.append(event)
        self.turn.published(event)

    def ask(
        self, question: GetWaiting | Change, *, waits: bool = True
    ) -> trio.MemoryReceiveChannel[Any]:
        send, receive = trio.open_memory_channel[Any](1)
        if not waits:
            self.lifecycle.advance(Signal.STOP)
        self.turn.answer(question, ReplyTo(send))
        return receive

    def change(self) -> object:
        return self.turn.change

    def told(self, question: GetWaiting | Change, *, waits: bool = True) -> Any:
        return self.ask(question, waits=waits).receive_nowait()


def request(text: str, rank: int = 0) -> TurnRequest:
    return TurnRequest(
        job_id="j",
        conversation_id="c",
        message_id="q",
        response_id="a",
        user="ann",
        model="m",
        text=text,
        rank=rank,
        request_id="r",
    )


def test_a_turn_that_waits_says_what_it_is() -> None:
    asked = Asked()
    assert asked.told(GetWaiting()) == Waiting("hello", 0, Cursor("j", 1, 1), "r")
    asked.publish("hi", -2)
    assert asked.told(GetWaiting()) == Waiting("hi", -2, Cursor("j", 1, 2), "r")
    refusal = NotWaiting(Standing.RUNNING, Cursor("j", 1, 2))
    assert asked.told(GetWaiting(), waits=False) == refusal


def test_a_change_is_answered_when_the_log_has_it() -> None:
    asked = Asked()
    first, second = asked.ask(MoveToFront("m")), asked.ask(EditWaiting("hi"))
    with pytest.raises(trio.WouldBlock):
        first.receive_nowait()
    assert asked.change() == MoveToFront("m")
    asked.publish("hello", -1, QueueChange("front", "m"))
    assert first.receive_nowait() == Waiting("hello", -1, Cursor("j", 1, 2), "r")
    assert asked.change() == EditWaiting("hi")
    asked.publish("hi", -1, QueueChange("edit"))
    assert second.receive_nowait() == Waiting("hi", -1, Cursor("j", 1, 3), "r")
    assert asked.change() is None


def test_a_change_that_is_asked_for_twice_is_made_once() -> None:
    asked = Asked()
    edit = EditWaiting("hi", "e")
    first, again = asked.ask(edit), asked.ask(edit)
    other = asked.ask(EditWaiting("hey", "e"))
    last = asked.ask(MoveToFront())
    asked.publish("hi", 0, change_of(edit))
    answer = Waiting("hi", 0, Cursor("j", 1, 2), "r")
    assert first.receive_nowait() == again.receive_nowait() == answer
    assert other.receive_nowait().reason == "reused"
    assert asked.change() == MoveToFront()
    asked.publish("hi", -1, QueueChange("front"))
    assert last.receive_nowait().rank == -1
    assert asked.told(edit) == asked.told(edit, waits=False) == answer
    assert asked.told(MoveToFront("e")).reason == "reused"
    assert asked.told(MoveToFront("other"), waits=False).reason == "not_waiting"


def test_the_reply_names_the_epoch_of_the_owner_that_made_the_change() -> None:
    asked = Asked(epoch=3, previous_epochs={1: 2, 2: 2})
    asked.feed.append(Queued(request("hi"), QueueChange("edit", "e")))
    asked.feed.append(Queued(request("hey"), QueueChange("edit", "f")))
    assert asked.told(EditWaiting("hi", "e")).cursor == Cursor("j", 1, 2)
    assert asked.told(EditWaiting("hey", "f")).cursor == Cursor("j", 3, 3)


def test_a_turn_takes_only_so_many_changes() -> None:
    asked = Asked()
    for number in range(MOST_CHANGES - 1):
        asked.ask(EditWaiting(str(number)))
        asked.publish(str(number), 0, QueueChange("edit"))
    asked.ask(MoveToFront())
    assert asked.told(MoveToFront()).reason == "too_many"


def test_a_change_can_be_refused() -> None:
    asked = Asked()
    first, second = asked.ask(MoveToFront()), asked.ask(MoveToFront())
    asked.turn.refuse("unavailable")
    assert first.receive_nowait().reason == "unavailable"
    asked.turn.refuse("not_waiting")
    assert second.receive_nowait().reason == "not_waiting"


def test_whoever_asks_for_a_change_when_the_turn_begins_is_refused() -> None:
    asked = Asked()
    first = asked.ask(MoveToFront())
    asked.feed.append(Stopped())
    asked.turn.end()
    assert asked.turn.is_over
    assert first.receive_nowait() == NotWaiting(Standing.ABORTED, Cursor("j", 1, 2))


async def test_the_recorder_hears_of_each_change_once_it_is_asked_for() -> None:
    asked, heard = Asked(), list[object]()

    async def hear() -> None:
        await asked.turn.asked()
        heard.append(asked.turn.change)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(hear)
        await wait_all_tasks_blocked()
        assert heard == []
        asked.ask(MoveToFront())
    await asked.turn.asked()
    assert heard == [MoveToFront()]
