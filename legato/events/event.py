"""The base of all events, and the model call that an event comes of.  Pure."""

from typing import Final, NamedTuple

from msgspec import Struct


class Event(Struct, frozen=True, tag=True):
    """An event of a job."""


class Origin(NamedTuple):
    """The model call that a part comes of.

    `call_no` counts the model calls of a job from 0.  `agent_id`: the agent that made the call;
    None where a bare model answers.  `group_id`: the group of agents that answer side by side,
    counted from 1; None outside of a group.  `is_hidden`: the words of the call are shown to
    nobody, because the next agent goes on from there.
    """

    call_no: int = 0
    agent_id: str | None = None
    group_id: int | None = None
    is_hidden: bool = False


BARE: Final = Origin()
"""The one call of a bare model."""

KEPT: Final = -1
"""The `call_no` of what an edited or continued answer starts from."""
