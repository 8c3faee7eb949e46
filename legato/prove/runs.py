"""Checks agents' runs by their tools, which know every call that was made at any replica."""

from collections.abc import Iterator, Mapping

from msgspec import UNSET

from legato.agents.tool_run import NOT_MADE, UNKNOWN
from legato.content import Message, ToolCallPart
from legato.events import AnyEvent, StepCompleted, StepStarted
from legato.prove.provider import ProviderConnection
from legato.prove.simulation import Simulation
from legato.prove.tools import CALL, WIPE, MadeCall


class RunChecks:
    """Watches the calls of all tools, and the results that models are told."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim
        sim.tools.calling = self._called
        sim.provider.asked = self._asked

    def _called(self, call: MadeCall) -> None:
        name = f"{call.tool.name} ({call.call_id})"
        if not call.tool.may_repeat and any(
            each.call_id == call.call_id for each in self._sim.tools.made
        ):
            self._breach(f"{name} is called twice, and may not be")
        if not self._sim.has_power(call.replica):
            return  # an owner that was replaced, and does not know so, may repeat a harmless call
        if call.call_id in self._sim.tools.told:
            self._breach(f"{name} is called again, after a model was told the result")
        if call.call_id in self._kept_results():
            self._breach(f"{name} is called again, and the journal has the result")
        if not self._sim.has_lost and call.call_id not in self._kept_calls():
            self._breach(f"{name} is called, and the journal does not have the call")
        if not self._sim.has_lost and call.tool is WIPE:
            self._sim.asks[self._sim.tools.jobs[call.call_id]].called(call)

    def _asked(self, connection: ProviderConnection) -> None:
        is_sure = self._sim.has_power(connection.replica) and not self._sim.has_lost
        if connection.job_id in self._sim.steers:
            self._sim.steers[connection.job_id].asked(connection.request, is_sure=is_sure)
        if is_sure:
            self._sim.next_turns.asked(connection)
        results = [*self._sim.tools.results_in(connection.request, connection.job_id)]
        if len({call_id for call_id, _ in results}) < len(results):
            self._breach(f"a model is told a result twice at once: {results}")
        for call_id, text in results:
            if self._sim.tools.told.setdefault(call_id, text) != text:
                self._breach(f"a model is told another result of {call_id} than before")
            if is_sure and self._kept_results().get(call_id) != text:
                self._breach(
                    f"a model is told a result of {call_id} that the journal does not have"
                )

    def _breach(self, words: str) -> None:
        self._sim.model.breach("tools", words)

    def _kept_events(self) -> Iterator[AnyEvent]:
        for stored_log in self._sim.replicas.world.stored_logs.values():
            for entries in stored_log.entries:
                yield from entries.events

    def _kept_results(self) -> Mapping[str, str]:
        """The results in the journal, by the calls' ids."""
        calls = [each.tool_call for each in self._kept_events() if isinstance(each, StepCompleted)]
        return {call.id: call.output or "" for call in calls}

    def _kept_calls(self) -> set[str]:
        begun = [each for each in self._kept_events() if isinstance(each, StepStarted)]
        return {each.tool_call.id for each in begun if each.tool_call is not None}


def check_results(sim: Simulation, response: Message, name: str, *, is_whole: bool) -> None:
    """Check that each result in an answer is what a tool returned, or says that nobody knows."""
    for part in response.content or ():
        if not isinstance(part, ToolCallPart) or not part.tool_call.id.startswith(CALL):
            continue
        call_id, output = part.tool_call.id, part.tool_call.output
        made = [each for each in sim.tools.made if each.call_id == call_id]
        returned = {each.output.text for each in made if each.output is not None}
        if output is UNSET and is_whole:
            sim.model.breach("tools", f"{name} has no result of {call_id}")
        elif output not in {UNSET, *returned, UNKNOWN, *(() if made else _unmade(sim, call_id))}:
            sim.model.breach("tools", f"{name} has a result of {call_id} that no tool returned")


def _unmade(sim: Simulation, call_id: str) -> set[str]:
    """The results that a call may have which was not made."""
    return {NOT_MADE, *sim.asks[sim.tools.jobs[call_id]].outputs(call_id)}
