"""A span for each generation, for OpenTelemetry; only where `trace_endpoint` is set."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import trio
from structlog.contextvars import get_contextvars

from legato.actors.ending import standing_of
from legato.actors.job import Job
from legato.actors.ref import time_of
from legato.actors.resources import JobObserver
from legato.config import ConfigError, Settings
from legato.content import Usage
from legato.events import Failed
from legato.http.requests import TRACE_HEADER

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

LAST_EXPORT: Final = 1.0  # seconds at the end for the spans that are not sent yet


class Tracing(JobObserver[Job]):
    """Makes the span at a generation's end; while a generation runs, no span is current."""

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._tracer = provider.get_tracer("legato")
        self._read = TraceContextTextMapPropagator().extract

    def job_ended(self, job: Job) -> None:
        """Make the span; the job's context still has the `traceparent` of the request."""
        from opentelemetry.trace import SpanKind, Status, StatusCode

        span = self._tracer.start_span(
            "generation",
            self._read(_carried()),
            kind=SpanKind.SERVER,
            attributes=attributes_of(job),
            start_time=time_of(job.turn.job_id) * 1_000_000,
        )
        if isinstance(ending := job.feed.ending, Failed):
            span.set_status(Status(StatusCode.ERROR, ending.reason))
        span.end(time.time_ns())


def _carried() -> Mapping[str, str]:
    found = get_contextvars().get(TRACE_HEADER)
    return {TRACE_HEADER: found} if found else {}


def attributes_of(job: Job) -> Mapping[str, str | int | float]:
    """The span's attributes, without any text of a person and without the user's id."""
    prompt, ending = job.turn.prompt, job.feed.ending
    usage = ending.usage if ending else Usage()
    known: dict[str, str | int | float | None] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": job.turn.model,
        "gen_ai.usage.input_tokens": usage.prompt_tokens,
        "gen_ai.usage.output_tokens": usage.completion_tokens,
        "legato.api": prompt.api_request.api if prompt else "chat",
        "legato.job": job.turn.job_id,
        "legato.outcome": str(standing_of(ending)),
        "legato.first_content_seconds": job.timing.first_content,
    }
    return {name: value for name, value in known.items() if value is not None}


@asynccontextmanager
async def open_tracing(settings: Settings) -> AsyncIterator[Tracing | None]:
    """None where no `trace_endpoint` is set.

    Raises:
        ConfigError: where an endpoint is set, and the packages are missing.
    """
    if settings.trace_endpoint is None:
        yield None
        return
    provider = _provider(settings.trace_endpoint)
    try:
        yield Tracing(provider)
    finally:
        with trio.move_on_after(LAST_EXPORT, shield=True):
            await trio.to_thread.run_sync(provider.shutdown, abandon_on_cancel=True)


def _provider(endpoint: str) -> "TracerProvider":
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as error:
        missing = f"traces need the package {error.name}: in a checkout, pip install '.[otel]'"
        raise ConfigError(f"trace_endpoint: {missing}") from error
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: "legato"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
    return provider
