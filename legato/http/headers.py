"""What every reply tells a browser: what the page may load, and who may look into it."""

from typing import Final

from quart import Response, g

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'self'; object-src 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Of what others embed without asking; whom CORS lets read may read nevertheless.
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    # Where nothing else is said, as of the page's own files: a reply is somebody's.
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


async def secure(response: Response) -> Response:
    """Besides, what the guards let this one know."""
    headers = response.headers
    headers.update(g.get("told", {}))
    said = {name.lower() for name, _ in headers}
    more = [(name, text) for name, text in SECURITY_HEADERS.items() if name.lower() not in said]
    headers.extend(more)
    return response
