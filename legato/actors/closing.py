"""How one job ends: the decision, and the ending that follows from the decision."""

from collections.abc import Callable, Sequence

from legato.actors.conversation.turn import Turn
from legato.actors.ending import Decision, ending_of
from legato.actors.messages import Ended, Opening, Outcome, StopRequested, Stored
from legato.actors.stream.feed import Feed
from legato.content import Part, Usage
from legato.events import Answered, AnyEnding, AnyEvent, Snapshot
from legato.shown import shown


class Closing:
    """The job owns this object, decides once, and from there asks for the same ending."""

    def __init__(
        self, feed: Feed, counted: Callable[[Opening | None, tuple[Part, ...]], Usage]
    ) -> None:
        """`counted`: the tokens of the answer, given the answer's parts."""
        self._feed = feed
        self._counted = counted
        self._decision: Decision | None = None

    def decide(self, outcome: Outcome, at: int | None) -> Sequence[AnyEvent]:
        """Note the outcome, and return the last events before the ending.  `at`: see Decision."""
        self._decision = Decision(outcome, at)
        return _returned(self._feed.snapshot(), outcome)

    def ending(self, stored: Stored, opening: Opening | None) -> AnyEnding:
        """Make the ending to say, which is the same from the decision on."""
        decision = self._decision
        assert decision is not None, "there is no ending before it is decided"
        snapshot = self._feed.snapshot()
        usage = self._counted(opening, snapshot.content)
        return ending_of(decision, opening, shown(snapshot), usage, stored, snapshot)

    @property
    def follows(self) -> Sequence[Turn]:
        """The turns that follow from the ending: words that no model read."""
        return [Turn.of(each) for each in self._feed.snapshot().next_turns]


def _returned(snapshot: Snapshot, outcome: Outcome) -> Sequence[AnyEvent]:
    """The last events before an ending: no steer waits any more, and no ask is open."""
    match outcome:
        case Ended():
            steers = [each.returned("finished") for each in snapshot.waiting_steers]
        case StopRequested():
            steers = [each.returned("stopped") for each in snapshot.waiting_steers]
        case _:
            steers = [each.returned("failed") for each in snapshot.waiting_steers]
    asks = [Answered(ask_id=each.ask_id, decision="cancel") for each in snapshot.open_asks]
    return [*asks, *steers]
