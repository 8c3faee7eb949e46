"""The table of a job's states, and one job's state.  Pure.

A missing key in the table means: the signal lost its race.
"""

from collections.abc import Mapping
from enum import IntEnum, auto
from typing import Final


class State(IntEnum):
    OPENING = auto()
    """Waiting for its turn, or storing the user's message."""
    RUNNING = auto()
    """The model is answering."""
    ENDING = auto()
    """Decided: the provider is being closed, or a write of the question brought to its end."""
    STORING = auto()
    """The answer is being stored."""
    ENDED = auto()
    """Said: the log is sealed."""
    PARKED = auto()
    """Let go of while the run waits for an answer: another job goes on from the journal."""


class Signal(IntEnum):  # looked up for every token: an Enum's hash would be Python
    OPEN = auto()
    CONTENT = auto()
    END = auto()
    STOP = auto()
    FAIL = auto()
    STORE = auto()
    SAY = auto()
    PARK = auto()


_LIFECYCLE: Final[Mapping[State, Mapping[Signal, State]]] = {
    State.OPENING: {
        Signal.OPEN: State.RUNNING,
        Signal.STOP: State.ENDING,
        Signal.FAIL: State.ENDING,
    },
    State.RUNNING: {
        Signal.OPEN: State.RUNNING,  # of a job begun by another process
        Signal.CONTENT: State.RUNNING,
        Signal.END: State.ENDING,
        Signal.STOP: State.ENDING,
        Signal.FAIL: State.ENDING,
        Signal.PARK: State.PARKED,
    },
    State.ENDING: {Signal.STORE: State.STORING, Signal.SAY: State.ENDED},
    State.STORING: {Signal.SAY: State.ENDED},
    State.ENDED: {},
    State.PARKED: {},
}


class Lifecycle:
    """The state of one job, which owns this object; anybody may read."""

    def __init__(self) -> None:
        self.state = State.OPENING

    @property
    def is_answering(self) -> bool:
        """Whether the model is being asked, and nothing is decided."""
        return self.state is State.RUNNING

    def advance(self, signal: Signal) -> bool:
        """Whether `signal` still matters; if yes, the state has moved on."""
        state = _LIFECYCLE[self.state].get(signal)
        if state is not None:
            self.state = state
        return state is not None
