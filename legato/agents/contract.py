"""The contract between a run and its job."""

from typing import Final, Protocol

from legato.content import ToolCall, TurnRequest
from legato.events import BARE, Origin, Snapshot
from legato.models.contract import FinishReport, Model, ModelRequest


class Stage(Protocol):
    """The job, as known to its run: every act of a run is an event of the job's log."""

    def snapshot(self) -> Snapshot:
        """Fold the log as it is now."""
        ...

    async def ask(
        self, model: Model, request: ModelRequest, origin: Origin, *, goes_on: bool = False
    ) -> FinishReport:
        """Make one model call: each of its events joins the log at once.

        `goes_on`: the model continues the last part of the log, begun by a call which was cut.

        Raises:
            ModelError: the model could not answer, or not to the end.
        """
        ...

    @property
    def is_left(self) -> bool:
        """Whether a next process is to go on with the run."""
        ...

    async def complete(self, index: int, call: ToolCall) -> None:
        """Put a tool call's result into the log, or the name of the task as which the call
        goes on."""
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


class BareRun:
    """One model call, and no more: the run of a turn without an agent."""

    def __init__(self, model: Model) -> None:
        self._model = model

    async def answer(self, stage: Stage, request: ModelRequest) -> FinishReport:
        return await stage.ask(self._model, request, BARE, goes_on=True)


class BareRuns:
    """The runs of a process without agents."""

    def run_of(self, turn: TurnRequest, model: Model) -> Run:
        return BareRun(model)


BARE_RUNS: Final = BareRuns()
