"""Measurements for Prometheus: looked up at each request of Prometheus, not counted before."""

import os
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

import trio
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from legato.actors.lifecycle import State
from legato.actors.supervision.contract import Supervision
from legato.histogram import Histogram
from legato.http.application import Legato

Values = Iterable[tuple[Sequence[str], float]]
"""Numbers, each with the values of the labels."""


Family = GaugeMetricFamily | CounterMetricFamily

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST


def written(app: Legato) -> bytes:
    """All measurements of now, as Prometheus reads measurements."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Metrics(app))
    return generate_latest(registry)


class Metrics(Collector):
    """Each series has the label `replica`, the process: several may answer at one port."""

    def __init__(self, app: Legato) -> None:
        self._app = app
        self._replica = f"{socket.gethostname()}:{os.getpid()}"

    def collect(self) -> Iterator[Metric]:
        yield from self._of_the_process()
        yield from self._of_connections()
        yield from self._of_requests()
        yield self._times(
            "legato_loop_delay", "How late the loop was.", self._app.loop_delay.delays
        )
        if self._app.runtime is not None:
            yield from self._of_jobs(self._app.runtime.supervisor)
            yield from self._of_the_journal(self._app.runtime.supervisor)

    def _of_the_process(self) -> Iterator[Metric]:
        """The series that all processes have under the same names; only with a /proc."""
        for family in ProcessCollector(registry=None).collect():
            mine = [sample._replace(labels={"replica": self._replica}) for sample in family.samples]
            family.samples = mine
            yield family
        living = trio.lowlevel.current_statistics().tasks_living
        yield self._now("legato_tasks", "Tasks of the event loop.", [((), living)])

    def _of_connections(self) -> Iterator[Metric]:
        limit = self._app.connection_limit
        yield self._now("legato_connections", "Connections that are open.", [((), limit.open)])
        refused = singly(limit.refused)
        what = "Connections refused, by what there is no more of."
        yield self._total("legato_connections_refused", what, refused, "reason")

    def _of_requests(self) -> Iterator[Metric]:
        streams, requests = self._app.streams, self._app.requests
        answered = [
            ((method, route, str(status)), number)
            for (method, route, status), number in requests.answered.items()
        ]
        labels = "method", "route", "status"
        yield self._total("legato_http_requests", "Requests answered.", answered, *labels)
        refused = singly(requests.refused)
        yield self._total("legato_refusals", "Requests refused, by why.", refused, "reason")
        yield self._now(
            "legato_streams", "Streams that are being sent.", [((), len(streams.bodies))]
        )
        what = "Streams by where they began: a snapshot or a cursor is for who came back."
        yield self._total("legato_streams_begun", what, singly(streams.begun), "start")

    def _of_jobs(self, supervisor: Supervision) -> Iterator[Metric]:
        jobs = supervisor.statistics()
        states = [((state.name.lower(),), jobs.jobs.get(state, 0)) for state in State]
        yield self._now("legato_jobs", "Generations that are here.", states, "state")
        yield self._now("legato_readers", "Readers of these.", [((), jobs.readers)])
        yield self._total("legato_jobs_started", "Generations started.", [((), jobs.started)])
        endings = singly(jobs.endings)
        yield self._total("legato_jobs_ended", "Generations ended.", endings, "standing")
        yield self._total("legato_events", "Events in their logs.", [((), jobs.events)])
        what = "Readers that had to ask again, because they took too little."
        yield self._total("legato_lagged_readers", what, [((), jobs.lagged)])
        what = "From asking a model to its first word."
        yield self._times("legato_first_content", what, jobs.first_content)

    def _of_the_journal(self, supervisor: Supervision) -> Iterator[Metric]:
        if (journal := supervisor.journal) is not None:
            what = "How long the write that is going on has been."
            yield self._now("legato_journal_delay_seconds", what, [((), journal.delay)])
            yield self._times("legato_journal_write", "How long a write took.", journal.writes)

    def _now(self, name: str, what: str, values: Values, *labels: str) -> Metric:
        return self._filled(GaugeMetricFamily(name, what, labels=[*labels, "replica"]), values)

    def _total(self, name: str, what: str, values: Values, *labels: str) -> Metric:
        return self._filled(CounterMetricFamily(name, what, labels=[*labels, "replica"]), values)

    def _filled(self, family: Family, values: Values) -> Metric:
        for labels, value in values:
            family.add_metric([*labels, self._replica], value)
        return family

    def _times(self, name: str, what: str, times: Histogram) -> Metric:
        family = HistogramMetricFamily(f"{name}_seconds", what, labels=["replica"])
        bounds = [*map(str, times.bounds), "+Inf"]
        buckets = list(zip(bounds, accumulate(times.counts), strict=True))
        family.add_metric([self._replica], buckets, times.sum)
        return family


def singly(values: Mapping[Any, float]) -> Values:
    return [((str(name),), value) for name, value in values.items()]
