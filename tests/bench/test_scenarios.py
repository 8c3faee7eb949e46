"""Each scenario once, tiny, with real processes: the figures are there, and what is exact is."""

import math
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from legato.bench import NAMES, BenchError
from legato.bench.client import BlockingClient
from legato.bench.command import SCENARIOS, show
from legato.bench.load.attacks import ATTACKS
from legato.bench.load.endurance import RefusedStart
from legato.bench.load.faults import InducedOutage
from legato.bench.processes import cpu_seconds, resident
from legato.bench.readers import Readers
from legato.bench.report import Figures, Scenario
from legato.bench.scenarios.agents import AGENTS, BARE, CALLING, agents
from legato.bench.scenarios.coming_back import resume, storm
from legato.bench.scenarios.costs import hostile, memory
from legato.bench.scenarios.journal import journal
from legato.bench.scenarios.ladders import Threshold, many_jobs, readers, saturation
from legato.bench.scenarios.replicas import replicas, replicas_jobs, replicas_stop, replicas_storm
from legato.bench.scenarios.rolling import rolling_restart
from legato.bench.scenarios.soak import Sample, delay_p99, slope, soak
from legato.bench.scenarios.steady import fan_out, generate, jobs
from legato.bench.scenarios.steering import steer
from legato.bench.scenarios.storage_faults import refused, storage_faults
from legato.bench.scenarios.turns import start_to_first, stop
from legato.bench.scenarios.upstream import LEGATO, upstream
from legato.bench.servers.pipes import pipes
from legato.bench.servers.provider import CHUNK
from legato.bench.servers.served import FRAME, Served, floor, legato
from legato.bench.tasks import Floor

SOON = {"warm_up": 0.05, "window": 0.2}
# How much a busy machine keeps up with is no matter of the tests.
ANY = Threshold(late=math.inf, delivered=0)


def measured(scenario: Scenario) -> list[Figures]:
    """What one run of it and of its floor give: the same figures, none below nothing."""
    runs = [scenario.ours()]
    if scenario.floor is not None:
        runs.append(scenario.floor())
        assert list(runs[0]) == list(runs[1])
    for figures in runs:
        # Memory can shrink while so little is asked of a server.
        assert all(value >= 0 for name, value in figures.items() if "KiB" not in name)
    return runs


def test_every_name_has_its_scenario() -> None:
    assert tuple(SCENARIOS) == NAMES


@pytest.mark.parametrize(
    "scenario", [fan_out(readers=3, **SOON), jobs(jobs=3, **SOON)], ids=["fan-out", "jobs"]
)
def test_a_steady_state_is_measured(scenario: Scenario) -> None:
    for figures in measured(scenario):
        assert figures["events/s delivered"] > 0
        assert figures["lag p99, ms"] >= figures["lag p50, ms"] > 0


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with legato() as served:
        yield served


def test_the_floor_says_what_legato_says(served: Served) -> None:
    with served.connect() as client:
        (target,) = served.start(tokens=1, rate=0)
        client.send("GET", target)
        body = client.rest_of_stream(b"")
    (theirs,) = re.findall(rb"event: [^\n]*\ndata: [^\n]*_delta[^\n]*\nid: [^\n]*\n\n", body)
    ours = (FRAME % time.monotonic_ns()).encode()

    assert _shape(theirs) == _shape(ours)
    assert abs(len(theirs) - len(ours)) < 8  # a seq's digits


def _shape(frame: bytes) -> bytes:
    """What it is but for ids and numbers."""
    return re.sub(rb"[0-9A-Z]{26}|\d+", b"#", frame)


def test_a_load_is_counted_to_the_event(served: Served) -> None:
    """Ten jobs of 20 tokens, two readers each: created, the step, the tokens, the ending."""
    with Readers(served.port, served.token, endings=True) as followers:
        targets = served.start(10, tokens=20, rate=0)
        until = time.monotonic() + 30
        followers.follow([*targets, *targets], until)
        followers.wait_for_events(23, until)
        followers.read_until(time.monotonic() + 0.05)

        assert [reader.events for reader in followers.all] == [23] * 20
        assert all(reader.ended for reader in followers.all)
        unstamped = sum(reader.unstamped for reader in followers.all)  # by what came last
        assert sum(followers.lags.counts.values()) + unstamped == 20 * 23
        assert unstamped <= 20


def test_the_generator_counts_what_the_floor_says() -> None:
    """A thousand events/s to each of three readers, for 0.3 s: lost ones would be seen."""
    task = Floor(frame=FRAME, rate=1000.0)
    with floor(task) as (served, _):
        window = generate(served, ["/job/0"] * 3, 1, warm_up=0.1, window=0.3)

    assert window.events == sum(window.lags.values())
    assert window.events > 0
    assert window.seconds >= 0.3


def test_limits_are_looked_for() -> None:
    few = saturation(readers=2, jobs=2, rates=(1e6, 1e6), **SOON)
    with pytest.raises(BenchError, match="lowest step"):
        few.ours()


@pytest.mark.parametrize(
    ("scenario", "figure"),
    [
        (readers((1,), threshold=ANY, **SOON), "most readers"),
        (many_jobs((1,), threshold=ANY, **SOON), "most jobs"),
    ],
)
def test_the_highest_number_is_reported(scenario: Scenario, figure: str) -> None:
    assert [figures[figure] for figures in measured(scenario)] == [1, 1]


def test_a_resume_is_measured_in_bytes_and_in_time() -> None:
    (figures,) = measured(resume(events=20, times=2))

    for name in ("resume of a finished job", "resume of a running job"):
        assert figures[f"{name}: p99, ms"] >= figures[f"{name}: p50, ms"] > 0
        assert figures[f"{name}: bytes"] > 20 * len("ts=0 ")
    assert figures["replay of the finished job: bytes"] > 20 * len(FRAME)


def test_a_storm_is_measured() -> None:
    for figures in measured(storm(events=20, readers=3, storms=2)):
        assert figures["the worst storm, ms"] >= figures["until the last has its sync frame, ms"]


def test_a_start_is_measured_on_both_storages() -> None:
    (figures,) = measured(start_to_first(times=2))

    for name in ("memory", "SQLite"):
        assert figures[f"{name}: first event p50, ms"] > figures[f"{name}: reply p50, ms"] > 0


def test_a_stop_is_measured_to_the_readers_and_to_the_provider() -> None:
    (figures,) = measured(stop(jobs=2, readers=2))

    assert figures["every reader has the ending: p50, ms"] > 0
    assert figures["the provider is disconnected: p50, ms"] > 0


def test_a_provider_in_front_is_measured_beside_pipes() -> None:
    (figures,) = measured(upstream(few=(2,), ladder=(1,), warm_up=0.05, window=0.2))

    for server in (LEGATO, *pipes()):
        # The kernel counts in hundredths of a second, of which so few tokens may need none.
        assert figures[f"{server}, 2: CPU, µs a token"] >= 0
        assert figures[f"{server}, 2: lag p99, ms"] >= figures[f"{server}, 2: lag p50, ms"] > 0
        # Whether one is kept up with in a fifth of a second is the machine's matter.
        assert figures[f"{server}: most generations"] in (0, 1)


def test_runs_with_tools_are_measured_beside_bare_models() -> None:
    (figures,) = measured(agents(jobs=3, between=5, turns=1, warm_up=0.5, window=0.5))

    for kind in (BARE, AGENTS, CALLING):
        assert figures[f"{kind}: CPU, µs a token"] > 0
    assert figures[f"{AGENTS}: CPU, times that of {BARE}"] > 0


def test_words_and_answers_for_runs_are_measured() -> None:
    (figures,) = measured(steer(steers=11, preempts=2, decisions=2, runs=3, warm_up=1, woken=2))

    assert [name.partition(":")[0] for name in figures] == [
        *["steer, until the reply"] * 2,
        *["steer at another replica, until the reply"] * 2,
        *["preempt, until the provider is disconnected"] * 2,
        *["decision of a running run, until the tool is called"] * 2,
        *["decision of a parked run, until the tool is called"] * 2,
        "a parked run, KiB",
        "2 parked runs woken at once, ms",
    ]


def test_servers_that_cannot_be_measured_leave_the_others_their_figures() -> None:
    tried = upstream(few=(1,), ladder=(), servers=("no pipe", LEGATO), warm_up=0.05, window=0.2)
    (figures,) = measured(tried)

    assert figures[f"{LEGATO}, 1: CPU, µs a token"] > 0
    assert not any(name.startswith("no pipe, 1") for name in figures)
    assert figures["no pipe: most generations"] == 0


def test_a_provider_s_chunk_is_as_long_as_openai_s() -> None:
    assert 290 <= len(CHUNK % time.monotonic_ns()) <= 310


def test_memory_is_measured() -> None:
    (figures,) = measured(memory(readers=2, jobs=1, warm_up=1, events=10))

    assert list(figures) == ["an idle reader, KiB", "a finished job of 10 events, KiB"]


def test_good_readers_are_measured_beside_hostile_ones() -> None:
    (figures,) = measured(hostile(readers=2, hostiles=8, kind_window=0.2, **SOON))

    assert figures["events/s alone"] > 0
    assert figures["events/s beside them"] > 0
    assert all(figures[f"… beside {kind}"] > 0 for kind in ATTACKS)
    assert figures["descriptors held by 1000 closed connections"] == 0


def test_what_a_process_uses_is_read() -> None:
    spins = "import time\nwhile time.process_time() < 0.2: pass\nprint(flush=True)\ninput()"
    with subprocess.Popen(
        [sys.executable, "-c", spins], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()

        assert 0.15 <= cpu_seconds(process.pid) < 5
        assert resident(process.pid) > 1000


def test_a_server_that_does_not_start_is_a_sentence_with_its_log() -> None:
    with (
        pytest.raises(BenchError, match=r"(?s)did not start; its log ends:.*no such setting"),
        legato(settings="prt = 1\n"),
    ):
        pass


def test_a_server_is_gone_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), legato() as served:
        raise ZeroDivisionError
    assert not Path(f"/proc/{served.pid}").exists()


def test_a_refused_request_is_an_error(served: Served) -> None:
    with (
        BlockingClient(served.port, "nonsense") as client,
        pytest.raises(BenchError, match="the server refused"),
    ):
        client.json("POST", "/api/agents/chat", {"text": "hello"})


def test_what_the_journal_keeps_is_counted() -> None:
    (figures,) = measured(journal(jobs=3, counted=0.5, **SOON))

    assert figures["SQLite: events/s kept"] > 0
    assert figures["SQLite: lag p99, ms"] > 0
    for database in ("memory", "SQLite"):
        longest = figures[f"{database}: loop held up at most, ms"]
        assert longest >= figures[f"{database}: loop held up p99.9, ms"] > 0


def test_the_command_shows_conditions_words_and_figures(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show("fan-out", Scenario("1 x 1", lambda: {"figure": 1.0}), 2)

    machine, speed, words, _, *rows = capsys.readouterr().out.splitlines()
    assert "cores, load" in machine
    assert "Legato 0.1.0" in machine
    assert speed.startswith("here and now: a Trio sleep ")
    assert words == "fan-out: 1 x 1; 2 run(s)"
    assert [row.split() for row in rows if row] == [["figure", "1.00", "1.00", "1.00"]]


def test_two_replicas_are_measured() -> None:
    (figures,) = measured(replicas(jobs=3, **SOON))
    assert figures["events/s delivered"] > 0
    assert 0 < figures["Redis commands a token"] < 10
    assert 0 < figures["bytes into Redis a token"] < 10_000
    (figures,) = measured(replicas_jobs((2,), threshold=ANY, **SOON))
    assert figures["most jobs"] == 2


def test_every_answer_is_whole_after_a_rolling_restart() -> None:
    scenario = rolling_restart(replicas=2, readers=4, seconds=8, drain=0)
    (figures,) = measured(scenario)
    assert figures["answers that are whole, %"] == 100
    assert figures["events missed"] == figures["events that came twice"] == 0
    assert figures["connections cut"] > 0


def test_coming_back_to_another_replica_is_measured() -> None:
    (figures,) = measured(replicas_storm(events=50, readers=3, storms=1))
    assert figures["the worst storm, ms"] > 0
    (figures,) = measured(replicas_stop(jobs=2, readers=2))
    assert figures["every reader has the ending: p99, ms"] > 0


def test_a_soak_finds_its_readers_exact_and_nothing_left() -> None:
    figures = soak(seconds=6).ours()

    assert figures["readers"] > figures["stops"] > 0
    assert figures["readers that were exact, %"] == 100
    assert min(figures[name] for name in ("calls", "refused requests", "closed connections")) > 0
    assert figures["sockets that the load left"] <= 0
    assert figures["tasks that the load left"] <= 0
    assert figures["loop's delay p99 in the last minute, ms"] > 0


def test_readers_are_exact_and_answers_stored_whatever_happens_to_the_storage() -> None:
    """Three faults on SQLite alone, and three on two replicas: each kind once."""
    (figures,) = measured(storage_faults(faults=6, lengths=(0.5,), pause=0.5))

    for place in ("SQLite", "replicas"):
        assert figures[f"{place}: storage faults"] == 3
        assert figures[f"{place}: readers"] >= 8
        assert figures[f"{place}: readers that were exact, %"] == 100
        assert figures[f"{place}: answers that are stored whole, %"] == 100
        assert figures[f"{place}: a reader's longest pause, s"] > 0
        assert figures[f"{place}: /readyz, longest wait, ms"] > 0


def test_refusals_count_from_the_first_that_is_heard() -> None:
    outage = InducedOutage(hangs=True, begun=10.0, over=20.0)
    before, first, waited = RefusedStart(9.0, 0.5), RefusedStart(11.0, 1.0), RefusedStart(11.5, 6.0)
    later, after = RefusedStart(13.0, 0.25), RefusedStart(20.5, 9.0)

    assert refused([before, waited, first, later, after], outage) == (2000, 250)
    assert refused([before, after], outage) == (0, 0)


def test_a_slope_is_in_minutes_and_a_delay_is_its_upper_bound() -> None:
    delays = {0.001: 90.0, 0.01: 99.5, float("inf"): 100.0}
    begun = Sample(0, 5, 0, 0, 0, dict.fromkeys(delays, 0.0))
    ended = Sample(30, 7, 0, 0, 0, delays)

    assert slope([begun, ended], [begun.resident, ended.resident]) == 4
    assert delay_p99(begun, ended) == 10
