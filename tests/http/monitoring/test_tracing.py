"""A generation's span, below the client's trace; and nothing else of OpenTelemetry."""

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from legato.config import ConfigError
from legato.http.monitoring.tracing import Tracing, open_tracing
from tests.support.http.client import STILL, Client
from tests.support.http.runtime import settings_with, supervisor_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
QUICK = {"text": "a secret", "model_parameters": {"tokens": 3, "rate": 0}}


@pytest.fixture
async def spans(ann: Client) -> AsyncIterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    assert ann.app.runtime is not None
    supervisor_of(ann.app.runtime).observe(Tracing(provider))
    yield exporter
    provider.shutdown()


async def finish(ann: Client, **headers: str) -> str:
    """A generation's id, which a request with these headers has started."""
    started = await ann.ask("POST", "/api/agents/chat", QUICK, headers=headers)
    await ann.read(started.body["generationId"])
    return str(started.body["generationId"])


async def test_a_generation_is_a_span_from_its_start_to_its_ending(
    ann: Client, spans: InMemorySpanExporter
) -> None:
    job_id = await finish(ann)
    (span,) = spans.get_finished_spans()
    attributes = dict(span.attributes or {})

    assert (span.name, span.parent) == ("generation", None)
    assert attributes.pop("legato.first_content_seconds") >= 0  # type: ignore[operator]
    assert attributes.pop("gen_ai.usage.input_tokens") > 0  # type: ignore[operator]
    assert attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "scripted",
        "gen_ai.usage.output_tokens": 3,
        "legato.api": "chat",
        "legato.job": job_id,
        "legato.outcome": "complete",
    }
    assert span.start_time is not None
    assert span.end_time is not None
    assert 0 < span.end_time - span.start_time < 60e9
    assert "secret" not in span.to_json()


async def test_it_belongs_to_what_asked_for_it(ann: Client, spans: InMemorySpanExporter) -> None:
    await finish(ann, traceparent=f"00-{TRACE}-{PARENT}-01")
    (span,) = spans.get_finished_spans()

    assert span.parent is not None
    assert (f"{span.parent.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, PARENT)


@pytest.mark.parametrize(
    "given", ["", "00", f"00-{TRACE}-{PARENT}", f"00-{'0' * 32}-{PARENT}-01", f"ff-{TRACE}-x-01"]
)
async def test_what_names_nothing_is_no_parent(
    ann: Client, spans: InMemorySpanExporter, given: str
) -> None:
    await finish(ann, traceparent=given)
    (span,) = spans.get_finished_spans()

    assert span.parent is None


async def test_a_stop_and_a_failure_say_so(ann: Client, spans: InMemorySpanExporter) -> None:
    started = await ann.start(model_parameters=STILL)
    await ann.post("/api/agents/chat/abort", {"generationId": started["generationId"]})
    failed = {"tokens": 3, "rate": 0, "fail_after": 1}
    await ann.finish(model_parameters=failed)
    stopped, broken = spans.get_finished_spans()

    assert dict(stopped.attributes or {})["legato.outcome"] == "aborted"
    assert stopped.status.status_code is StatusCode.UNSET
    assert dict(broken.attributes or {})["legato.outcome"] == "error"
    assert (broken.status.status_code, bool(broken.status.description)) == (StatusCode.ERROR, True)


async def test_spans_go_to_the_endpoint_that_is_set() -> None:
    async with open_tracing(settings_with()) as tracing:
        assert tracing is None
    wanted = replace(settings_with(), trace_endpoint="http://127.0.0.1:9/v1/traces")
    async with open_tracing(wanted) as tracing:
        assert isinstance(tracing, Tracing)


async def test_without_the_packages_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    wanted = replace(settings_with(), trace_endpoint="http://127.0.0.1:9/v1/traces")
    with pytest.raises(ConfigError, match=r"^trace_endpoint: .*pip install '\.\[otel\]'"):
        async with open_tracing(wanted):
            raise AssertionError


def test_nothing_of_it_is_imported_where_it_is_not_wanted(tmp_path: Path) -> None:
    script = "import sys, legato.http.app as _; print([m for m in sys.modules if 'telem' in m])"
    ran = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )

    assert (ran.stdout.strip(), ran.returncode) == ("[]", 0), ran.stderr
