"""Agents that call tools, and tools that return."""

from collections.abc import Sequence
from typing import Final

import trio

from legato.agents.tools.contract import ToolDefinition
from legato.models.contract import FinishReport
from legato.prove.provider import ProviderConnection
from legato.prove.requests import begin_first
from legato.prove.schedule import PLACE, Rule, nth
from legato.prove.simulation import Simulation
from legato.prove.tools import AGENT, READ, WRITE, MadeCall

CALLED: Final[Sequence[Sequence[ToolDefinition]]] = (
    (WRITE,),
    (READ,),
    (WRITE, READ),
    (READ, WRITE, READ),
)
BOTH_READ: Final = 3  # the place of a row with two calls of `read`

KEPT: Final = 0.1  # seconds until a result is in the journal
CALLING: Final = 0.05  # seconds until a call is in the journal, and made


async def call_tools(sim: Simulation, place: int, called: int, cut: int) -> None:
    """An agent's model calls tools; one time in four, not yet to the end.  Where no agent runs, one
    is started first."""
    await call(sim, place, nth(CALLED, called), is_whole=bool(cut))


async def call(
    sim: Simulation, place: int, called: Sequence[ToolDefinition], *, is_whole: bool
) -> None:
    """Have an agent's model call these tools; `is_whole`: and say no more."""
    if not _running(sim):
        await begin_first(sim, place, place, (AGENT,))
    if not (running := _running(sim)):
        return
    connection: ProviderConnection = nth(running, place)
    chunks = sim.tools.chunks(connection.job_id, called)
    names = " and ".join(tool.name for tool in called)
    end = "" if is_whole else ", and has more to say"
    sim.model.step(f"the provider calls {names} in {sim.model.name(connection.job_id)}{end}")
    connection.play([*chunks, FinishReport("tool_calls")] if is_whole else chunks)


def _running(sim: Simulation) -> Sequence[ProviderConnection]:
    return [each for each in sim.provider.connections if each.has_tools]


async def tools_return(sim: Simulation, place: int, count: int, fails: int) -> None:
    """Some tools return, in any order; where none is called, a model calls tools."""
    if not sim.tools.open:
        await call_tools(sim, place, count, fails)
        await trio.sleep(CALLING)
    called = sim.tools.open[:]
    for number in range(min(count + 1, len(called))):
        made: MadeCall = nth(called, place + number)
        result = f"answer {place} to {made.call_id}"
        sim.model.step(f"{made.tool.name} returns, to {made.replica}: {result}")
        made.answer(result, is_error=not fails)


async def lose_between(sim: Simulation, place: int, count: int) -> None:
    """The owner of a run is killed between the results of two calls."""
    await sim.may_lose()
    await call_tools(sim, place, BOTH_READ, 1)
    await trio.sleep(CALLING)
    calls = [each for each in sim.tools.open if each.tool is READ]
    owners = [
        each for each in sim.open_seats() if calls and each.replication.me == calls[-1].replica
    ]
    if not owners or len(sim.open_seats()) < 2:
        return
    sim.model.step(f"one tool returns, and {sim.name(owners[0])} is killed")
    calls[-1].answer(f"the first answer, {count}")
    await trio.sleep(KEPT)
    owners[0].kill()


RULES: Final = (
    Rule("lose between results", 2, (PLACE, 3), lose_between),
    Rule("call tools", 2, (PLACE, len(CALLED), 4), call_tools),
    Rule("tools return", 2, (PLACE, 3, 4), tools_return),
)
