"""Compares the receipts of steers with the journal and with the words that models read.

Laws:

1. A steer and its outcome are in the journal before a client hears of them, and a steer before a
   model reads the words.
2. Every model that reads a steer reads the words once, behind the same words of the answer, and
   there the answer has them.  A model that finished a run has read all steers that count as read.
3. A receipt never goes back: a taken steer stays known, and an outcome stays.
4. A steer that no model read is returned with the ending, unless somebody cancelled the steer, or
   the words are a turn of their own, which no words of a stopped job are.  A
   preempting steer is never left over by a run that finished, unless the caller has a tool call to
   make before any model call.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from typing import Final

from msgspec import UNSET, Struct

from legato.actors.steering.interjections import Rejected, SteerReceipt
from legato.content import SteerPart, TextPart, ToolCallPart
from legato.events import (
    Answered,
    AnyEnding,
    AnyEvent,
    Ending,
    Finished,
    Snapshot,
    SteerApplied,
    SteerOutcome,
    SteerReturned,
    SteerTaken,
    Stopped,
)
from legato.models.contract import ModelRequest

SPOKEN: Final = re.compile(r"<s\d+>|w\d+")
"""The text of a steer, and a word of a provider (see `legato.prove.provider`)."""

_LAST: Final = (SteerReturned, Answered, Ending)
"""The kinds of the events that a job says when its outcome is decided."""

NOT_NOW: Final = "storage_unavailable"


class SentSteer(Struct):
    """A steer as a client sends it, so many `times`; `receipt` is the newest one.

    `is_for_next`: whether the words are to be a turn of their own where no model reads them.
    """

    number: int
    times: int = 0
    receipt: SteerReceipt | None = None
    is_for_next: bool = False

    @property
    def client_id(self) -> str:
        return f"steer-{self.number}"

    @property
    def text(self) -> str:
        return f"<s{self.number}>"


class SteerWitness:
    """The steers of one job.  The laws are at the top of this file."""

    def __init__(
        self,
        kept: Callable[[], Iterable[AnyEvent]],
        breach: Callable[[str], object],
        first: int = 1,
    ) -> None:
        """`kept`: the events of the job in the journal.  `first`: the number of the next steer."""
        self.sent: list[SentSteer] = []
        self._kept = kept
        self._breach = breach
        self._first = first
        self._read: set[str] = set()  # the texts that any model was asked with
        self._before: dict[str, tuple[str, ...]] = {}  # the words before each text, for models
        self._behind: dict[str, set[str]] = {}  # the words that came behind

    def new(self, *, is_for_next: bool = False) -> SentSteer:
        steer = SentSteer(self._first + len(self.sent), is_for_next=is_for_next)
        self.sent.append(steer)
        return steer

    # What clients hear.

    def hears(
        self,
        steer: SentSteer,
        before: SteerReceipt | None,
        reply: SteerReceipt | Rejected,
        *,
        is_sure: bool,
    ) -> None:
        """Note a reply.  `before`: the receipt that the client had when asking.  `is_sure`: whether
        the owner that replied is the only one."""
        if isinstance(reply, SteerReceipt):
            self._compare_kept(steer, reply)
        if not is_sure:
            return
        if isinstance(reply, SteerReceipt):
            if before is not None:
                self._compare_receipts(steer, before, reply)
            if steer.receipt is None or reply.cursor.seq >= steer.receipt.cursor.seq:
                steer.receipt = reply
        elif before is not None and reply.reason != NOT_NOW:
            self._breach(f"{steer.client_id} was taken, and is refused now: {reply.reason}")

    def _compare_kept(self, steer: SentSteer, reply: SteerReceipt) -> None:
        if (reply.steer.client_id, reply.steer.text) != (steer.client_id, steer.text):
            self._breach(f"the receipt of {steer.client_id} is of {reply.steer}")
        kept = list(self._kept())
        ids = {each.steer_id for each in kept if isinstance(each, SteerTaken)}
        if reply.steer.steer_id not in ids:
            self._breach(f"{steer.client_id} is said to be taken, and the journal does not have it")
        has_ended = any(isinstance(each, Ending) for each in kept)
        if reply.outcome is not None and reply.outcome not in kept and not has_ended:
            self._breach(f"the journal does not have the outcome of {steer.client_id}")

    def _compare_receipts(
        self, steer: SentSteer, before: SteerReceipt, reply: SteerReceipt
    ) -> None:
        if reply.steer.steer_id != before.steer.steer_id:
            self._breach(f"{steer.client_id} was taken twice")
        if reply.cursor.seq < before.cursor.seq:
            self._breach(f"the receipt of {steer.client_id} went back, from {before.cursor.seq}")
        if before.outcome is not None and reply.outcome != before.outcome:
            words = f"{before.outcome}, then {reply.outcome}"
            self._breach(f"{steer.client_id} has two outcomes: {words}")

    # What models read.

    def asked(self, request: ModelRequest, *, is_sure: bool) -> None:
        """Note a request to a model.  `is_sure`: as in `hears`."""
        if not self.sent:
            return
        own = {each.text for each in self.sent}
        spoken = [word for each in request.messages for word in SPOKEN.findall(each.text)]
        self._read |= own & set(spoken)
        if is_sure:
            for place, word in enumerate(spoken):
                if word in own:
                    self._compare_read(word, tuple(spoken[:place]))
                    self._behind.setdefault(word, set()).update(spoken[place + 1 :])

    def _compare_read(self, text: str, before: tuple[str, ...]) -> None:
        kept = [each for each in self._kept() if isinstance(each, SteerApplied)]
        if text in before:
            self._breach(f"a model reads {text} twice")
        if text not in {each.part.steer for each in kept}:
            self._breach(f"a model reads {text}, and the journal does not have the reading")
        if self._before.setdefault(text, before) != before:
            self._breach(f"{text} is read behind {before}, and before behind {self._before[text]}")

    # The end.

    def compare(self, events: Sequence[AnyEvent], snapshot: Snapshot, ending: AnyEnding) -> None:
        """Compare the job's whole log with all that clients heard and models read."""
        taken = {each.client_id: each for each in snapshot.steers}
        ids = [each.steer_id for each in events if isinstance(each, SteerTaken)]
        if len(taken) != len(set(ids)):
            self._breach("a steer was taken under two ids")
        for steer in self.sent:
            if steer.receipt is not None:
                self._compare_end(steer, steer.receipt, taken.get(steer.client_id), snapshot)
        unread = [each for each in snapshot.steers if _is_left(each, snapshot)]
        if list(ending.unread) != unread:
            self._breach(f"the ending returns {ending.unread}, and left over were {unread}")
        if isinstance(ending, Stopped):
            self._compare_stopped(events, snapshot)
        for each in snapshot.steers:
            outcome = snapshot.outcomes.get(each.steer_id)
            if isinstance(outcome, SteerApplied):
                self._compare_applied(outcome, snapshot, ending)
            elif each.text in self._before:
                self._breach(f"a model read {each.text}, which counts as unread: {outcome}")
            elif each.preempt and _is_over(snapshot, ending) and outcome != _cancelled(each):
                self._breach(f"{each.text} preempts, and was left over: {outcome}")

    def _compare_stopped(self, events: Sequence[AnyEvent], snapshot: Snapshot) -> None:
        """Words are no turn by a stop.  A former owner may have enqueued words for an ending that
        nobody kept; the next owner went on, and was stopped."""
        last = takewhile(lambda each: isinstance(each, _LAST), reversed(events))
        decided = {each.steer_id for each in last if isinstance(each, SteerReturned)}
        before = {each.steer_id for each in events if isinstance(each, SteerReturned)} - decided
        for steer_id, outcome in snapshot.outcomes.items():
            if _is_enqueued(outcome) and steer_id not in before:
                self._breach(f"{steer_id} is enqueued, and the job was stopped")

    def _compare_end(
        self,
        steer: SentSteer,
        receipt: SteerReceipt,
        taken: SteerTaken | None,
        snapshot: Snapshot,
    ) -> None:
        if taken is None or taken.steer_id != receipt.steer.steer_id:
            self._breach(f"{steer.client_id} was taken as {receipt.steer.steer_id}, and is lost")
            return
        outcome = snapshot.outcomes.get(taken.steer_id)
        if outcome is None:
            self._breach(f"{steer.client_id} has no outcome in the end")
        if receipt.outcome is not None and receipt.outcome != outcome:
            self._breach(f"{steer.client_id} was told {receipt.outcome}, and it is {outcome}")

    def _compare_applied(
        self, outcome: SteerApplied, snapshot: Snapshot, ending: AnyEnding
    ) -> None:
        text, content = outcome.part.steer, snapshot.content
        if content[outcome.index] != outcome.part:
            self._breach(f"{text} is said to be read at {outcome.index}, and is not there")
        if text not in self._read and _is_finished(ending):
            self._breach(f"{text} is said to be read, and no model was asked with it")
        later = _spoken(snapshot, range(outcome.index, len(content)))
        earlier = _spoken(snapshot, range(outcome.index))
        if later & set(self._before.get(text, ())) or earlier & self._behind.get(text, set()):
            self._breach(f"{text} was read at another place than {outcome.index}")


def _spoken(snapshot: Snapshot, places: Iterable[int]) -> set[str]:
    """The words and steers at these places of an answer."""
    parts = (snapshot.content[place] for place in places)
    texts = (_text(part) for part in parts if isinstance(part, TextPart | SteerPart))
    return {word for text in texts for word in SPOKEN.findall(text)}


def _text(part: TextPart | SteerPart) -> str:
    return part.text if isinstance(part, TextPart) else part.steer


def _is_left(steer: SteerTaken, snapshot: Snapshot) -> bool:
    outcome = snapshot.outcomes.get(steer.steer_id)
    is_applied = isinstance(outcome, SteerApplied)
    return not (is_applied or _is_enqueued(outcome) or outcome == _cancelled(steer))


def _is_enqueued(outcome: SteerOutcome | None) -> bool:
    return isinstance(outcome, SteerReturned) and outcome.why == "enqueued"


def _cancelled(steer: SteerTaken) -> SteerReturned:
    return SteerReturned(steer.steer_id, "cancelled")


def _is_finished(ending: AnyEnding) -> bool:
    return isinstance(ending, Finished) and ending.reason == "stop"


def _is_over(snapshot: Snapshot, ending: AnyEnding) -> bool:
    """Whether the run finished, and leaves no tool call to the caller."""
    calls = [part for part in snapshot.content if isinstance(part, ToolCallPart)]
    return _is_finished(ending) and all(
        part.is_made_here or part.tool_call.output is not UNSET for part in calls
    )
