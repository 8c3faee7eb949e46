"""The part of a caller's context given to a task that outlives the caller."""

from contextvars import Context

from structlog.contextvars import bind_contextvars, get_contextvars


def detached() -> Context:
    """Make a context with nothing but the fields for log lines.

    A request's context holds the whole request, and lives as long as any task started there.
    """
    context = Context()
    context.run(bind_contextvars, **get_contextvars())
    return context
