"""A job's log, put together from its entries in a journal."""

from legato.actors.durability.replay import Replay
from legato.content import Message
from legato.events import Created, StepStarted, TextDelta
from legato.storage.contracts.journal import Entries, Kept

CREATED = Created(Message(message_id="q", conversation_id="c", text="hi"), "a", "m")
STEP, WORD = StepStarted(0, "text"), TextDelta(0, "x")


def test_what_was_kept_twice_is_there_once() -> None:
    whole, again = Entries("j", 1, 1, (CREATED, STEP, WORD)), Entries("j", 1, 2, (STEP, WORD))
    replay = Replay(Kept([whole, again]))
    assert replay.events == [CREATED, STEP, WORD]
    assert replay.previous_epochs == {1: 3}
