"""Scenario of words and answers for runs, and of the runs that wait for an answer.

Each reply waits for the journal, which is in SQLite, or, for steers at another replica, in Redis.
"""

import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from msgspec import Struct

from legato.bench import BenchError
from legato.bench.client import STREAM, BlockingClient
from legato.bench.conditions import percentile
from legato.bench.counting import FRAME_END
from legato.bench.processes import resident
from legato.bench.readers import Readers
from legato.bench.report import Figures, Scenario
from legato.bench.scenarios.replicas import two_replicas
from legato.bench.scenarios.turns import followed
from legato.bench.servers.served import CHUNK, TOKENS, Served, closings, legato, provided, start
from legato.bench.tasks import Floor

_STEER: Final = "/api/agents/chat/steer"
_RESUME: Final = "/api/agents/chat/resume"
_STATUS: Final = "/api/agents/chat/status/"

_WAITING: Final = 10  # steers that a run keeps for the next model call
_PATIENCE: Final = 60.0  # seconds
_PARK_AFTER: Final = 1.0  # seconds
_PARKED: Final = 3 * _PARK_AFTER  # a run that only waits is parked before
_LOOK: Final = 0.005  # seconds between two looks at what a run asks

_CALLED_AT: Final = re.compile(rb'"output":"(\d+)"')

SETTINGS: Final = """
[functions.called_at]
target = "legato.bench.servers.tools:called_at"

[agents.worker]
model = "scripted"
tools = ["called_at"]
approval = { called_at = "ask" }
"""


class SteerCounts(Struct, frozen=True, kw_only=True):
    """How often each thing is done.  `runs`: parked runs whose memory is measured, after `warm_up`
    others; `woken`: how many of these are woken at once."""

    steers: int
    preempts: int
    decisions: int
    runs: int
    warm_up: int
    woken: int


def steer(
    *,
    steers: int = 300,
    preempts: int = 100,
    decisions: int = 100,
    runs: int = 2000,
    warm_up: int = 1000,
    woken: int = 1000,
) -> Scenario:
    counts = SteerCounts(
        steers=steers,
        preempts=preempts,
        decisions=decisions,
        runs=runs,
        warm_up=warm_up,
        woken=woken,
    )

    def measure() -> Figures:
        return {
            **_times("steer, until the reply", _replies(counts.steers)),
            **_times(
                "steer at another replica, until the reply", _replies_of_another(counts.steers)
            ),
            **_times("preempt, until the provider is disconnected", _cuts(counts.preempts)),
            **_decisions(counts.decisions),
            **_parked(counts),
        }

    return Scenario(
        f"on SQLite, one after the other on a kept connection, from the POST's sending: {steers} "
        f"steers, and as many at a replica that does not run the answer (on Redis); {preempts} "
        f"that cut a provider's answer; {decisions} decisions about a tool call of a running, and "
        f"of a parked run; the growth of resident memory by {runs} parked runs, after {warm_up}; "
        f"{woken} of them woken by a reader each",
        ours=measure,
    )


def _times(name: str, milliseconds: Sequence[float]) -> Figures:
    return {
        f"{name}: p50, ms": percentile(milliseconds, 0.5),
        f"{name}: p99, ms": percentile(milliseconds, 0.99),
    }


def _replies(steers: int) -> Sequence[float]:
    """Milliseconds from each steer to the reply."""
    with legato(None) as served:
        return _steered(served, served, steers)


def _replies_of_another(steers: int) -> Sequence[float]:
    """The same where the runs are another replica's, and the journal is in Redis."""
    with two_replicas() as (owner, other, _):
        return _steered(owner, other, steers)


def _steered(owner: Served, asked: Served, steers: int) -> Sequence[float]:
    """Milliseconds from each steer to the reply of the server that is `asked`."""
    runs = -(-steers // _WAITING)
    with owner.connect() as client, asked.connect() as steerer:
        ids = [start(client, model_parameters={"tokens": TOKENS, "rate": 1}) for _ in range(runs)]
        times = [_steer(steerer, ids[number // _WAITING]) for number in range(steers)]
        return [(replied - sent) / 1e6 for sent, replied in times]


def _steer(client: BlockingClient, target: str, *, preempt: bool = False) -> tuple[int, int]:
    """Send a steer and read the reply; returns both moments (monotonic ns)."""
    body = {"conversationId": _id(target), "text": "Shorter, please.", "preempt": preempt}
    data = json.dumps(body).encode()
    sent = time.monotonic_ns()
    client.send("POST", _STEER, data)
    client.answer()
    return sent, time.monotonic_ns()


def _id(target: str) -> str:
    return target.removeprefix(STREAM)


def _cuts(preempts: int) -> Sequence[float]:
    """Milliseconds from each preempting steer to the provider's sight of a closed connection."""
    task = Floor(frame=CHUNK, rate=10.0, says_closed=True)
    with (
        provided(task, None) as (served, upstream),
        Readers(served.port, served.token) as followers,
        served.connect() as client,
    ):
        targets = followed(served, followers, preempts, 1)
        sent = [_steer(client, target, preempt=True)[0] for target in targets]
        closed = closings(upstream, preempts)
        return [(closed[number] - moment) / 1e6 for number, moment in enumerate(sent)]


@contextmanager
def _waiting() -> Iterator[tuple[Served, BlockingClient]]:
    """A server whose runs are soon parked."""
    variables = {"LEGATO_PARK_AFTER": str(_PARK_AFTER)}
    running = legato(None, settings=SETTINGS, variables=variables)
    with running as served, served.connect() as client:
        yield served, client


def _start(client: BlockingClient, runs: int) -> Sequence[str]:
    """Start runs that ask for leave at once; returns the targets of their streams."""
    script = [{"calls": [{"name": "called_at", "arguments": {}}]}, {"tokens": 1}]
    asked = {"model_parameters": {"rate": 0, "script": script}, "agent_id": "worker"}
    return [start(client, **asked) for _ in range(runs)]


def _decisions(decisions: int) -> Figures:
    with _waiting() as (_, client):
        running = [_decide(client, _start(client, 1)[0]) for _ in range(decisions)]
        targets = _start(client, decisions)
        time.sleep(_PARKED)
        parked = [_decide(client, target, is_parked=True) for target in targets]
    return {
        **_times("decision of a running run, until the tool is called", running),
        **_times("decision of a parked run, until the tool is called", parked),
    }


def _decide(client: BlockingClient, target: str, *, is_parked: bool = False) -> float:
    """Milliseconds from the decision's sending to the tool's call.  A run that is not parked is
    looked at until the run asks: a look would wake a parked one."""
    until = time.monotonic() + _PATIENCE
    while not (is_parked or _asks(client, target)):
        if time.monotonic() > until:
            raise BenchError("a run did not ask for leave in time")
        time.sleep(_LOOK)
    body = {"conversationId": _id(target), "decisions": [{"decision": "approve"}]}
    data = json.dumps(body).encode()
    sent = time.monotonic_ns()
    client.send("POST", _RESUME, data)
    client.answer()
    client.send("GET", target)
    called = _CALLED_AT.search(client.rest_of_stream(b""))
    if called is None:
        raise BenchError("a tool was allowed, and not called")
    return (int(called[1]) - sent) / 1e6


def _asks(client: BlockingClient, target: str) -> bool:
    client.send("GET", _STATUS + _id(target))
    return bool(client.answer()["status"] == "requires_action")


def _parked(counts: SteerCounts) -> Figures:
    with _waiting() as (served, client):
        _start(client, counts.warm_up)
        time.sleep(_PARKED)
        before = resident(served.pid)
        targets = _start(client, counts.runs)
        time.sleep(_PARKED)
        grown = (resident(served.pid) - before) / counts.runs
        return {
            "a parked run, KiB": grown,
            f"{counts.woken} parked runs woken at once, ms": _wake(served, targets[: counts.woken]),
        }


def _wake(served: Served, targets: Sequence[str]) -> float:
    """Milliseconds from the first reader's request to the last one's first frame."""
    with Readers(served.port, served.token, pattern=FRAME_END) as readers:
        connected = [readers.connect() for _ in targets]
        begun = time.perf_counter()
        for descriptor, target in zip(connected, targets, strict=True):
            readers.ask(descriptor, target)
        readers.wait_for_events(1, time.monotonic() + _PATIENCE)
        return 1000 * (time.perf_counter() - begun)
