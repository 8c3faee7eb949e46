"""The words of simultaneous agents, in turn, for a wire with a single text.  Pure."""

from typing import Final, Self

from legato.content import Part
from legato.events import Origin, StepStarted
from legato.growing_part import GrowingPart

NOBODY: Final = -1

Speaker = tuple[str | None, int | None]  # the agent's id, and the group's


class SpeakingOrder:
    """One part is `live`: readers get its words at once.  Parts that begin meanwhile are held back.

    An agent says one part at a time.  The live part ends where the agent begins the next step, or
    where the model call ends; then the held parts follow in the order of their positions.
    """

    def __init__(self) -> None:
        self.live = NOBODY  # a part's position
        self._open: dict[Speaker, int] = {}
        self._held: dict[int, GrowingPart] = {}

    def fork(self) -> Self:
        twin = type(self)()
        twin.live = self.live
        twin._open = dict(self._open)
        twin._held = {index: part.fork() for index, part in self._held.items()}
        return twin

    def goes_on(self, step: StepStarted) -> bool:
        """Whether a model goes on where a former owner's model left off."""
        return self._open.get(_speaker(step.origin)) == step.index

    def end(self, origin: Origin) -> list[Part]:
        """End the agent's part; return the held parts whose turn comes now.

        If the last of these parts is still open, the part is live from now on.
        """
        index = self._open.pop(_speaker(origin), NOBODY)
        return self._next() if index != NOBODY and index == self.live else []

    def begin(self, step: StepStarted, part: Part) -> bool:
        """The agent begins a part; return whether the part is live."""
        self._open[_speaker(step.origin)] = step.index
        if self.live == NOBODY:
            self.live = step.index
        else:
            self._held[step.index] = GrowingPart(part)
        return self.live == step.index

    def held(self, index: int) -> GrowingPart:
        return self._held[index]

    def rest(self) -> list[Part]:
        """All parts held back until the end of the run."""
        self._open.clear()
        return self._next()

    def _next(self) -> list[Part]:
        self.live = NOBODY
        told: list[Part] = []
        for index in list(self._held):
            told.append(self._held.pop(index).read())
            if index in self._open.values():
                self.live = index
                break
        return told


def _speaker(origin: Origin) -> Speaker:
    return origin.agent_id, origin.group_id
