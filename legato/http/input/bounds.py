"""Bounds of a request's head.  The server's parser bounds only a head that is incomplete."""

from typing import Final, cast

from hypercorn.typing import HTTPScope
from quart import Request
from quart.wrappers.base import BaseRequestWebsocket

from legato.http.errors import RequestError

MAX_HEADERS: Final = 100  # browsers send twenty, behind a proxy thirty
MAX_HEADER_BYTES: Final = 32 * 1024  # identity providers' tokens have up to eight thousand
MAX_TARGET_BYTES: Final = 8 * 1024  # of path and query; RFC 9110 wants every server to take as much


class HeadTooLarge(RequestError):
    status = 431
    error = "Request Header Fields Too Large"


class TargetTooLong(RequestError):
    status = 414
    error = "Request URI Too Long"


class AmbiguousLength(RequestError):
    """A body with two lengths: a proxy may have read another body, and a request is smuggled in."""

    error = "Ambiguous length"


def check_length(request: Request) -> None:
    """Raises AmbiguousLength."""
    if "Transfer-Encoding" in request.headers and "Content-Length" in request.headers:
        raise AmbiguousLength("A body has Content-Length or Transfer-Encoding; found both.")


def check_head(asking: BaseRequestWebsocket) -> None:
    """Raises TargetTooLong or HeadTooLarge."""
    scope = cast("HTTPScope", asking.scope)
    path = scope.get("raw_path") or scope["path"].encode()  # not every server has `raw_path`
    target = len(path) + len(scope["query_string"])
    if target > MAX_TARGET_BYTES:
        raise TargetTooLong(f"found {target} bytes of URL; {MAX_TARGET_BYTES} are allowed")
    headers = list(scope["headers"])
    if len(headers) > MAX_HEADERS:
        raise HeadTooLarge(f"found {len(headers)} header fields; {MAX_HEADERS} are allowed")
    size = sum(len(name) + len(value) for name, value in headers)
    if size > MAX_HEADER_BYTES:
        raise HeadTooLarge(f"found {size} bytes of header fields; {MAX_HEADER_BYTES} are allowed")
