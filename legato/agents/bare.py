"""The run of a turn without an agent: one model call, and a further one for each interruption."""

from typing import Final

from msgspec.structs import replace

from legato.agents.contract import Run, Stage
from legato.agents.messages import begun
from legato.events import STEERED, Origin
from legato.models.contract import FinishReport, Model, ModelRequest
from legato.models.messages import alternating
from legato.requests import TurnRequest


class BareRun:
    """Has one model answer.  The model is called again where a steer cut the call before."""

    def __init__(self, model: Model) -> None:
        self._model = model

    async def answer(self, stage: Stage, request: ModelRequest) -> FinishReport:
        """See Run."""
        while not stage.snapshot().ends_for_steers:
            origin = Origin(len(stage.snapshot().calls))
            if await stage.apply_steers(origin):
                request = replace(request, resumed="")  # the words end the text before
            finish = await stage.ask(self._model, _asked(stage, request), origin, goes_on=True)
            if finish.reason != STEERED:
                return finish
            request = replace(request, resumed="")
        return FinishReport(STEERED)


class BareRuns:
    """The runs of a process without agents."""

    def run_of(self, turn: TurnRequest, model: Model) -> Run:
        """See Runs."""
        return BareRun(model)


BARE_RUNS: Final = BareRuns()


def _asked(stage: Stage, request: ModelRequest) -> ModelRequest:
    """The request, with the answer as far as it has come."""
    snapshot = stage.snapshot()
    messages = alternating([*request.messages, *begun(snapshot.content)])
    return replace(request, messages=tuple(messages), calls_made=len(snapshot.calls))
