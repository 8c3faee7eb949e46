"""The id of each request, in the reply and in the log lines; the counts of requests."""

import re
from collections import Counter
from secrets import token_hex
from typing import Final

import structlog
import trio
from quart import Request, Response, g
from quart.wrappers.base import BaseRequestWebsocket
from structlog.contextvars import bind_contextvars

HEADER: Final = "X-Request-ID"
WELL_FORMED: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")

TRACE_HEADER: Final = "traceparent"
TRACE: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
"""W3C's header with the trace that a request belongs to, for log lines and spans."""

UNKNOWN: Final = "unknown"
"""Stands for all paths without a route and odd methods, or clients could make endless names."""

METHODS: Final = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS"})

log = structlog.get_logger()


class Requests:
    """`answered` counts by method, route and status, as soon as the reply's head is known.

    `refused` counts by the name of the error, which tells more than the status.
    """

    def __init__(self, *, logged: bool) -> None:
        """`logged`: whether each request gets a line in the log, without the query."""
        self.answered = Counter[tuple[str, str, int]]()
        self.refused = Counter[str]()
        self._logged = logged

    def end(self, request: Request, response: Response) -> None:
        """Set the id in the reply, count the request, and log one line."""
        response.headers[HEADER] = g.request_id
        method = request.method if request.method in METHODS else UNKNOWN
        route = request.url_rule.rule if request.url_rule else UNKNOWN
        self.answered[method, route, response.status_code] += 1
        if self._logged:
            self._log(request, response)

    def _log(self, request: Request, response: Response) -> None:
        log.info(
            "request answered",
            method=request.method,
            path=request.path,
            status=response.status_code,
            seconds=round(trio.current_time() - g.began, 4),
        )


def begin(asking: BaseRequestWebsocket) -> None:
    """Give the request an id, for all log lines of the request and of a generation it starts."""
    g.began = trio.current_time()
    given = asking.headers.get(HEADER, "")
    g.request_id = given if WELL_FORMED.fullmatch(given) else f"req_{token_hex(16)}"
    trace = asking.headers.get(TRACE_HEADER, "")
    carried = {TRACE_HEADER: trace} if TRACE.fullmatch(trace) else {}
    bind_contextvars(request=g.request_id, **carried)
