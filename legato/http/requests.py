"""Each request has an id, which its reply and its log lines carry; and it is counted."""

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
"""W3C's, which says what the request is a part of; log lines carry it, and so do spans."""

UNKNOWN: Final = "unknown"
"""For what has no route here, whatever it is called: or clients could make names without end."""

METHODS: Final = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS"})

log = structlog.get_logger()


class Requests:
    """`answered` counts by method, route and status, as soon as the reply's head is known.

    `refused` counts by the name of the error, which tells more than its status.
    """

    def __init__(self, *, logged: bool) -> None:
        """`logged`: whether there is a line in the log for each, without its query."""
        self.answered = Counter[tuple[str, str, int]]()
        self.refused = Counter[str]()
        self._logged = logged

    def end(self, request: Request, response: Response) -> None:
        """Say in the reply which request it answers, count it, and have its line in the log."""
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
    """What is started from here, a generation too, has the request's id in all its log lines."""
    g.began = trio.current_time()
    given = asking.headers.get(HEADER, "")
    g.request_id = given if WELL_FORMED.fullmatch(given) else f"req_{token_hex(16)}"
    trace = asking.headers.get(TRACE_HEADER, "")
    carried = {TRACE_HEADER: trace} if TRACE.fullmatch(trace) else {}
    bind_contextvars(request=g.request_id, **carried)
