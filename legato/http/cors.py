"""Which other sites' pages may read what the API answers: those that are named, without cookies."""

from collections.abc import Sequence
from typing import Final

from quart import Request, Response

from legato.http.errors import is_openai

ANY: Final = "*"
"""Every site, at OpenAI's APIs only: what is asked there needs a key, and no cookie helps."""

ALLOWED_METHODS: Final = "GET, POST, DELETE"

# The star stands for all the others, but never for the first.
ALLOWED_HEADERS: Final = "Authorization, Content-Type, Last-Event-ID, X-Request-ID, *"

EXPOSED_HEADERS: Final = (
    "X-Legato-Job, X-Legato-Cursor, X-Legato-Tools-Left-Out, X-Request-ID, "
    "RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After"
)

PREFLIGHT_SECONDS: Final = 600  # that a browser need not ask again


class Cors:
    """Nobody's cookies are ever good elsewhere: `Access-Control-Allow-Credentials` is not said.

    Another site's page brings a token of its own.  Without named origins nothing is said at all.
    """

    def __init__(self, origins: Sequence[str]) -> None:
        self._origins = frozenset(origins)

    def is_preflight(self, request: Request) -> bool:
        """Whether a browser asks before it sends the request itself; it has no token yet."""
        asks = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        return asks and bool(self._origins)

    def preflight(self, request: Request) -> Response:
        """What the page may send, where it may at all."""
        response = Response(b"", 204)
        if self.allowed(request) is not None:
            response.headers["Access-Control-Allow-Methods"] = ALLOWED_METHODS
            response.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
            response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
        return response

    def share(self, request: Request, response: Response) -> None:
        """Have the page's browser show it the reply, where it may see it."""
        if not self._origins:
            return
        response.vary.add("Origin")  # also where it is refused, or a cache would say so to others
        if allowed := self.allowed(request):
            response.headers["Access-Control-Allow-Origin"] = allowed
            response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS

    def allowed(self, request: Request) -> str | None:
        """To whom the reply is open, in the words of `Access-Control-Allow-Origin`."""
        origin = request.headers.get("Origin")
        if origin is None:
            return None
        if origin in self._origins - {ANY}:
            return origin
        return ANY if ANY in self._origins and is_openai(request.path) else None
