"""What a job's state lets happen: a table.  A missing key means the signal lost its race.  Pure."""

from collections.abc import Mapping
from enum import IntEnum, auto
from typing import Final


class State(IntEnum):
    OPENING = auto()
    """Waiting for its turn, or storing the user's message."""
    RUNNING = auto()
    """The model is answering."""
    ENDING = auto()
    """Decided: the provider is being closed and the answer stored."""
    ENDED = auto()
    """Said: the log is sealed."""


class Signal(IntEnum):  # looked up for every token: an Enum's hash would be Python
    OPEN = auto()
    CONTENT = auto()
    END = auto()
    STOP = auto()
    FAIL = auto()
    SAY = auto()


LIFECYCLE: Final[Mapping[State, Mapping[Signal, State]]] = {
    State.OPENING: {
        Signal.OPEN: State.RUNNING,
        Signal.STOP: State.ENDING,
        Signal.FAIL: State.ENDING,
    },
    State.RUNNING: {
        Signal.CONTENT: State.RUNNING,
        Signal.END: State.ENDING,
        Signal.STOP: State.ENDING,
        Signal.FAIL: State.ENDING,
    },
    State.ENDING: {Signal.SAY: State.ENDED},
    State.ENDED: {},
}


def after(state: State, signal: Signal) -> State | None:
    """The state that `signal` leads to; None where it comes too late to matter."""
    return LIFECYCLE[state].get(signal)
