"""The contract between a run and its job."""

from collections.abc import Collection, Sequence
from typing import Protocol

from legato.content import ToolCall, WholePart
from legato.events import Answered, Asked, Origin, Snapshot
from legato.models.contract import FinishReport, Model, ModelRequest
from legato.requests import TurnRequest


class Stage(Protocol):
    """The job, as known to its run: every act of a run is an event of the job's log."""

    def snapshot(self) -> Snapshot:
        """Fold the log as it is now."""
        ...

    async def ask(
        self,
        model: Model,
        request: ModelRequest,
        origin: Origin,
        *,
        goes_on: bool = False,
        theirs: Collection[str] = (),
        guarded: Collection[str] = (),
    ) -> FinishReport:
        """Make one model call: each of its events joins the log at once.

        `goes_on`: the model continues the last part of the log, begun by a call which was cut.
        `theirs`: the names of the tools that the caller of an API calls.  `guarded`: the names of
        the tools whose calls need a leave that nobody can give to this run.  A preempting steer
        ends the call with the reason STEERED: what was said stays.

        Raises:
            ModelError: the model could not answer, or not to the end.
        """
        ...

    async def place(self, origin: Origin, parts: Sequence[WholePart]) -> None:
        """Put whole parts into the log, before the model call `origin` begins."""
        ...

    @property
    def is_left(self) -> bool:
        """Whether a next process is to go on with the run."""
        ...

    async def complete(self, index: int, call: ToolCall) -> None:
        """Put a tool call's result into the log, or the name of the task as which the call
        goes on."""
        ...

    async def apply_steers(self, origin: Origin) -> bool:
        """Have the model call of `origin`, which follows at once, read all waiting steers.

        Each steer becomes a part of the answer, and is durable then.  Return whether there was one.
        """
        ...

    async def answer_to(self, ask: Asked) -> Answered:
        """Ask somebody outside, unless the log has the ask; return the answer, once durable.

        The job sets the time of the ask; after it the answer is `expired`.
        """
        ...

    def was_answered_before(self, ask_id: str) -> bool:
        """Whether the log had an answer to the ask when this run began.

        Then an earlier run may have begun whatever follows from the answer.
        """
        ...

    async def settle(self) -> None:
        """Return once the whole log is durable."""
        ...


class Run(Protocol):
    """The order of a job's model calls and tool calls.

    A run keeps nothing outside the log: if another process takes a job over, the next run begins
    with the log as left, and goes on.
    """

    async def answer(self, stage: Stage, request: ModelRequest) -> FinishReport:
        """Bring the answer to its end.  `request`: the conversation up to the question.

        Raises:
            ModelError: a model could not answer, or not to the end.
        """
        ...


class Runs(Protocol):
    """Makes the run of each turn of a process."""

    def run_of(self, turn: TurnRequest, model: Model) -> Run:
        """Make the run of a turn; `model` is named by the turn."""
        ...
