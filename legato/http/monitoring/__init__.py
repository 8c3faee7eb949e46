"""What an operator's tools read of the server.

- `loop_delay`: lateness of the event loop: the wait behind a task that computes too long
- `metrics`: measurements for Prometheus: looked up at each request of Prometheus, not counted
  before
- `tracing`: a span for each generation, for OpenTelemetry; only where `trace_endpoint` is set
"""
