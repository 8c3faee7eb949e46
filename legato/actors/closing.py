"""How one job ends: the decision, and the ending that follows from the decision."""

from collections.abc import Sequence

from legato.actors.conversation.turn import Turn, turn_of
from legato.actors.durability.recorder import Recorder
from legato.actors.ending import Decision, ending_of
from legato.actors.messages import Opening, Outcome, Stored
from legato.actors.production.producer import Producer
from legato.actors.steering.verdicts import returned
from legato.actors.stream.feed import Feed
from legato.events import AnyEnding, AnyEvent
from legato.shown import shown


class Closing:
    """The job owns this object, decides once, and from there asks for the same ending."""

    def __init__(self, feed: Feed, recorder: Recorder, producer: Producer) -> None:
        self._feed = feed
        self._recorder = recorder
        self._producer = producer
        self._decision: Decision | None = None

    def decide(self, outcome: Outcome) -> Sequence[AnyEvent]:
        """Note the outcome, have the children stop, and return the last events before the ending.

        A write that began goes on: see Recorder.
        """
        self._decision = Decision(outcome, self._recorder.moment())
        last = returned(self._feed.snapshot(), outcome)
        self._recorder.stop_opening()
        self._producer.stop()
        return last

    def ending(self, stored: Stored, opening: Opening | None) -> AnyEnding:
        """Make the ending to say, which is the same from the decision on."""
        decision = self._decision
        assert decision is not None, "there is no ending before it is decided"
        snapshot = self._feed.snapshot()
        usage = self._producer.counted(opening, snapshot.content)
        return ending_of(decision, opening, shown(snapshot), usage, stored, snapshot)

    @property
    def follows(self) -> Sequence[Turn]:
        """The turns that follow from the ending: words that no model read."""
        return [turn_of(each) for each in self._feed.snapshot().next_turns]
