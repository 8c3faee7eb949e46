"""What a task that outlives its caller has of the caller's context."""

from contextvars import Context

from structlog.contextvars import bind_contextvars, get_contextvars


def detached() -> Context:
    """Only what log lines carry.

    A request's context holds the request, with all that came in it, for as long as any task that
    was started in it lives.
    """
    context = Context()
    context.run(bind_contextvars, **get_contextvars())
    return context
