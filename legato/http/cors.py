"""Sites whose pages may read the API's answers: the configured ones only, without cookies."""

from collections.abc import Sequence
from typing import Final

from quart import Request, Response

from legato.http.openai.paths import is_openai

ANY: Final = "*"
"""Every site, at OpenAI's APIs only: a request there needs a key, and no cookie helps."""

ALLOWED_METHODS: Final = "GET, POST, DELETE"

# The star stands for all other headers, but never for `Authorization`.
ALLOWED_HEADERS: Final = "Authorization, Content-Type, Last-Event-ID, X-Request-ID, *"

EXPOSED_HEADERS: Final = (
    "X-Legato-Job, X-Legato-Cursor, X-Legato-Tools-Left-Out, X-Request-ID, "
    "RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After"
)

PREFLIGHT_SECONDS: Final = 600  # for which a browser does not repeat the preflight


class Cors:
    """Decides which origins may read replies, and sets the CORS headers of replies.

    `Access-Control-Allow-Credentials` is never sent, so a cookie is of no use to another site:
    a page there needs a token of its own.  Without configured origins no header is set at all.
    """

    def __init__(self, origins: Sequence[str]) -> None:
        self._origins = frozenset(origins)

    def is_preflight(self, request: Request) -> bool:
        """Whether the request is a preflight (always without a token) and origins are allowed."""
        asks = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        return asks and bool(self._origins)

    def preflight(self, request: Request) -> Response:
        """Status 204, with the methods and headers that an allowed origin may send."""
        response = Response(b"", 204)
        if self.allowed(request) is not None:
            response.headers["Access-Control-Allow-Methods"] = ALLOWED_METHODS
            response.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
            response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
        return response

    def share(self, request: Request, response: Response) -> None:
        """Set the headers by which a browser shows the reply to a page of an allowed origin."""
        if not self._origins:
            return
        response.vary.add("Origin")  # also of a refusal, or a cache would repeat the refusal to all
        if allowed := self.allowed(request):
            response.headers["Access-Control-Allow-Origin"] = allowed
            response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS

    def allowed(self, request: Request) -> str | None:
        """The value of `Access-Control-Allow-Origin`; None where the origin is not allowed."""
        origin = request.headers.get("Origin")
        if origin is None:
            return None
        if origin in self._origins - {ANY}:
            return origin
        return ANY if ANY in self._origins and is_openai(request.path) else None
