"""Security headers of every reply: what the page may load, and which sites may embed the page."""

from collections.abc import Mapping
from typing import Final

from quart import Response

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'self'; object-src 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Against embedding without CORS; an origin that CORS allows may read nevertheless.
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    # Files of the page say otherwise; any other reply may hold a user's data.
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


def secure(response: Response, told: Mapping[str, str]) -> None:
    """Set the security headers that the reply does not have yet.  `told`: headers of the guards."""
    headers = response.headers
    headers.update(told)
    said = {name.lower() for name, _ in headers}
    more = [(name, text) for name, text in SECURITY_HEADERS.items() if name.lower() not in said]
    headers.extend(more)
