"""Compares the replies about waiting turns with the provider's requests."""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

from msgspec import Struct

from legato.actors.queue.questions import Waiting
from legato.prove.model import AskedStart, PromiseModel
from legato.prove.provider import SimulatedProvider


class Listing(Struct, frozen=True):
    """The waiting jobs as listed, and the time of the question."""

    job_ids: Sequence[str]
    asked: float


class Move(Struct):
    """A move of a job to the front; without a certain reply the move may happen at any time."""

    job_id: str
    replied: float = math.inf


class QueueWitness:
    """Collects what clients were told.

    The properties: a cancelled turn is never asked.  Turns begin in the order of each list, unless
    a client moved one later, or an owner moved the words of a steer.  A change that is asked for
    again has the first answer.  The question of an edited turn is stored with the new text.
    """

    def __init__(self, model: PromiseModel) -> None:
        self.moves: list[Move] = []
        self.listings: list[Listing] = []
        self._model = model
        self._cancelled: set[str] = set()
        self._changed: dict[tuple[str, str], Waiting] = {}
        self._new_texts: dict[str, str] = {}  # by job id, of edits without a reply, too
        self._edited: set[str] = set()

    def cancelled(self, job_id: str) -> None:
        self._cancelled.add(job_id)

    def edits(self, job_id: str, text: str) -> None:
        """Note that a client asks for this text, which is the same in all edits of a job."""
        self._new_texts[job_id] = text

    def edited(self, job_id: str) -> None:
        self._edited.add(job_id)

    def texts(self, asked: AskedStart) -> Sequence[str]:
        """The texts that the stored question may have."""
        new = self._new_texts.get(asked.job_id)
        if new is None:
            return (asked.text,)
        return (new,) if asked.job_id in self._edited else (asked.text, new)

    def changed(self, job_id: str, change_id: str, answer: Waiting) -> None:
        first = self._changed.setdefault((job_id, change_id), answer)
        if change_id and first != answer:
            words = f"change {change_id} of {self._model.name(job_id)} has two answers"
            self._model.breach("change", f"{words}: {first} and {answer}")

    def compare(self, provider: SimulatedProvider) -> None:
        """Breach the promise where the provider's connections contradict what clients were told."""
        begun: dict[str, int] = {}
        for number, each in enumerate(provider.former):
            begun.setdefault(each.job_id, number)
        for job_id in sorted(self._cancelled & begun.keys()):
            words = f"{self._model.name(job_id)} was cancelled before it began, and was asked"
            self._model.breach("cancelled", words)
        for listing in self.listings:
            self._compare_order(listing, begun)

    def _compare_order(self, listing: Listing, begun: Mapping[str, int]) -> None:
        there = [each for each in listing.job_ids if each in begun]
        for first, second in combinations(there, 2):
            is_moved = self._is_moved(second, listing.asked) or self._asks_words(second)
            if begun[second] < begun[first] and not is_moved:
                names = f"{self._model.name(second)} began before {self._model.name(first)}"
                self._model.breach("queue", f"{names}, which was listed before")

    def _asks_words(self, job_id: str) -> bool:
        """Whether a steer has become the turn: the turn is moved to the front by its owner, or by
        the next owner where the first one had to go before."""
        return self._model.asked[job_id].follows is not None

    def is_moved(self, job_id: str) -> bool:
        """Whether a client may have moved the job to the front."""
        return self._is_moved(job_id, -math.inf)

    def _is_moved(self, job_id: str, since: float) -> bool:
        return any(each.job_id == job_id and each.replied >= since for each in self.moves)
