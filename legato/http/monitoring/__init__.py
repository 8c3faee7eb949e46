"""The routes that an operator's tools read.

- `collector`: measurements for Prometheus: looked up at each request, not counted before
- `loop_delay`: lateness of the event loop: the wait behind a task that computes too long
- `metrics`: the route at which Prometheus reads, and the callers to whom the route is open
- `tracing`: a span for each generation, for OpenTelemetry; only where `trace_endpoint` is set
"""
