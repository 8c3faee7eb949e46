"""A run: a schedule happens to a cluster on the mock clock, always in the same way."""

import logging
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any, Final

import structlog
import trio
from structlog.typing import EventDict
from trio._core import _run as trio_run
from trio.testing import MockClock

from legato.actors.cluster.lifespan import open_replica
from legato.agents.run import AgentRuns
from legato.dialects.librechat import LibreChat
from legato.prove.ending import come_to_rest, compare, outlast
from legato.prove.model import Breach, PromiseModel
from legato.prove.provider import ProvidedModel, SimulatedProvider
from legato.prove.records import FaultyRecords, mock_time
from legato.prove.result import RunResult
from legato.prove.runs import RunChecks
from legato.prove.schedule import Rule, Schedule, Step
from legato.prove.seats import open_replicas
from legato.prove.simulation import Simulation, told
from legato.prove.tools import SimulatedTools, Toolroom
from legato.prove.witnesses.next_turns import NextRuns

LONGEST: Final = 3000.0  # seconds of the mock clock
PARK_AFTER: Final = 5.0  # shorter than the longest wait of a schedule
ASK_TIMEOUT: Final = 40.0  # three of these waits
OUTLASTED: Final = 100
"""Every 100th seed goes on until the retention is over, which takes as long as fifty other
seeds."""

MOST_TRIES: Final = 2000
LONGEST_REAL: Final = 30.0  # a thousand times what a run takes


def run(schedule: Schedule, rules: Mapping[str, Rule]) -> RunResult:
    model = PromiseModel()
    with _deterministic(schedule.seed), _listening(model):
        try:
            with _watched():
                trio.run(_play, schedule, rules, model, clock=MockClock(autojump_threshold=0))
        except trio.TooSlowError:
            model.breaches.append(Breach("wait", f"the run does not end in {LONGEST:g} s"))
        except Exception as error:  # any error belongs in the trace
            model.breaches.append(Breach("replica", f"the cluster ended by {told(error)}"))
    return RunResult(schedule, model.lines, model.breaches)


async def _play(schedule: Schedule, rules: Mapping[str, Rule], model: PromiseModel) -> None:
    """Play the schedule until the first breach, because later breaches may only be consequences."""
    with trio.fail_after(LONGEST), trio.CancelScope() as scope:
        model.on_breach = scope.cancel
        provider, tools = SimulatedProvider(), SimulatedTools()
        async with open_replicas(
            schedule.replicas,
            open_replica,
            on_owner_lost=schedule.on_owner_lost,
            model=lambda me: ProvidedModel(provider, me),
            dialects={"librechat": LibreChat},
            records=FaultyRecords(clock=mock_time),
            runs=lambda me, played: NextRuns(AgentRuns({played.name: played}, Toolroom(tools, me))),
            park_after=PARK_AFTER,
            ask_timeout=ASK_TIMEOUT,
        ) as replicas:
            replicas.world.has_standby = any(each.rule == "fail over" for each in schedule.steps)
            async with trio.open_nursery() as nursery:
                sim = Simulation(schedule, replicas, provider, tools, model, nursery)
                RunChecks(sim)
                try:
                    await _happen(sim, [(rules[step.rule], step) for step in schedule.steps])
                finally:
                    replicas.records.heal()  # a shielded write that hangs would never end
                nursery.cancel_scope.cancel()


async def _happen(sim: Simulation, steps: Sequence[tuple[Rule, Step]]) -> None:
    for rule, step in steps:
        await rule.play(sim, *step.numbers)
        sim.next_turns.hear()
    await come_to_rest(sim)
    await compare(sim)
    if sim.schedule.seed % OUTLASTED == 0:
        await outlast(sim)


class Standstill(Exception):
    """Time does not pass: something waits for what never comes, or is busy without a pause."""


@contextmanager
def _watched() -> Iterator[None]:
    """Raise Standstill in a block that takes too long by the real clock, unless SIGALRM is
    taken."""

    tries = 0

    def give_up(number: int, frame: object) -> None:
        """Raise in a task, which ends as tasks do; where no task ever runs, in Trio itself."""
        nonlocal tries
        tries += 1
        if hasattr(trio_run.GLOBAL_RUN_CONTEXT, "task") or tries > MOST_TRIES:
            raise Standstill(f"no end in {LONGEST_REAL:g} s of the real clock")
        signal.setitimer(signal.ITIMER_REAL, 0.0007)

    is_free = threading.current_thread() is threading.main_thread() and (
        signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
    )
    if not is_free:
        yield
        return
    signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, LONGEST_REAL)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


@contextmanager
def _deterministic(seed: int) -> Iterator[None]:
    """Have Trio run ready tasks in an order that the seed decides.

    Trio has no public way; pytest-trio and Hypothesis do the same, and Trio's tests cover the way.
    """
    names = ("_r", "_ALLOW_DETERMINISTIC_SCHEDULING")
    before = {name: vars(trio_run)[name] for name in names}
    vars(trio_run).update(zip(names, (Random(seed), True), strict=True))
    try:
        yield
    finally:
        vars(trio_run).update(before)


@contextmanager
def _listening(model: PromiseModel) -> Iterator[None]:
    """Hear only of crashes in the log: a bug that ends a single job is a breach, too."""

    def hear(logger: Any, name: str, event: EventDict) -> EventDict:
        if event["event"] == "crashed":
            error = sys.exc_info()[1]
            where = model.name(str(event["part"]))
            model.breach("crash", f"{where} crashed by {told(error) if error else 'a bug'}")
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(
        processors=[hear], wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR)
    )
    try:
        yield
    finally:
        structlog.configure(**before)
