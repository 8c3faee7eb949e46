"""What every reply tells a browser: what the page may load, and who may look into it."""

from collections.abc import Mapping
from typing import Final

from quart import Response

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


def secure(response: Response, told: Mapping[str, str]) -> None:
    """Set them where nothing else is said.  `told`: what the guards let whoever asks know."""
    headers = response.headers
    headers.update(told)
    said = {name.lower() for name, _ in headers}
    more = [(name, text) for name, text in SECURITY_HEADERS.items() if name.lower() not in said]
    headers.extend(more)
