"""The table of scenarios by name, and the lines that the command prints of each."""

from collections.abc import Callable, Mapping
from typing import Final

from legato.bench import NAMES, BenchError
from legato.bench.conditions import conditions, speed
from legato.bench.processes import most_files, nothing_left
from legato.bench.report import Scenario, run
from legato.bench.scenarios.agents import agents
from legato.bench.scenarios.coming_back import resume, storm
from legato.bench.scenarios.costs import hostile, memory
from legato.bench.scenarios.journal import journal
from legato.bench.scenarios.ladders import many_jobs, readers, saturation
from legato.bench.scenarios.replicas import (
    replicas,
    replicas_jobs,
    replicas_stop,
    replicas_storm,
    replicas_through,
)
from legato.bench.scenarios.rolling import rolling_restart
from legato.bench.scenarios.soak import soak
from legato.bench.scenarios.steady import fan_out, jobs
from legato.bench.scenarios.steering import steer
from legato.bench.scenarios.storage_faults import storage_faults
from legato.bench.scenarios.turns import start_to_first, stop
from legato.bench.scenarios.upstream import upstream

SCENARIOS: Final[Mapping[str, Callable[[], Scenario]]] = {
    "fan-out": fan_out,
    "jobs": jobs,
    "saturation": saturation,
    "readers": readers,
    "many-jobs": many_jobs,
    "resume": resume,
    "storm": storm,
    "start": start_to_first,
    "stop": stop,
    "memory": memory,
    "hostile": hostile,
    "journal": journal,
    "replicas": replicas,
    "replicas-through": replicas_through,
    "replicas-jobs": replicas_jobs,
    "replicas-storm": replicas_storm,
    "replicas-stop": replicas_stop,
    "rolling-restart": rolling_restart,
    "storage-faults": storage_faults,
    "soak": soak,
    "upstream": upstream,
    "agents": agents,
    "steer": steer,
}


def bench(name: str, runs: int) -> None:
    """Measure a scenario, or `all`, and print its conditions and figures.

    Raises:
        BenchError: if the scenario could not be measured.
    """
    most_files()
    with nothing_left():
        for each in NAMES if name == "all" else (name,):
            try:
                show(each, SCENARIOS[each](), runs)
            except OSError as error:
                raise BenchError(f"{each}: {error}") from error


def show(name: str, scenario: Scenario, runs: int) -> None:
    print(conditions())
    print(speed())
    print(f"{name}: {scenario.words}; {runs} run(s)", flush=True)
    for line in run(scenario, runs):
        print(line)
    print(flush=True)
