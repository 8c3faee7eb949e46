"""What the guards may know of the request that is served."""

from hashlib import sha256
from typing import cast

from msgspec.structs import replace
from quart import Request, Websocket, g, has_request_context, request, websocket

from legato.http.auth.api_keys import is_meant_as_key
from legato.http.auth.authenticator import bearer_of, session_in
from legato.http.guards.addresses import ip_subject
from legato.http.guards.asking import Asking
from legato.http.request_context import sender_of


def asking() -> Asking:
    """All that is known by now: who asks only once that was authenticated."""
    if "asking" not in g:
        g.asking = _asking(request if has_request_context() else websocket)
    return replace(cast("Asking", g.asking), user=g.get("user"))


def _asking(asked: Request | Websocket) -> Asking:
    authorization = asked.headers.get("Authorization", "")
    session = session_in(asked.headers.getlist("Cookie"))
    return Asking(
        method=asked.method,
        path=asked.path,
        from_ip=ip_subject(sender_of(asked).address),
        agent=asked.headers.get("User-Agent", ""),
        has_credentials=bool(authorization) or session is not None,
        read=_body,
        key=_digest(bearer_of(authorization) or ""),
    )


async def _body() -> bytes:
    """Of a WebSocket's handshake there is none."""
    return cast("bytes", await request.get_data()) if has_request_context() else b""


def _digest(token: str) -> str | None:
    """By which an API key is counted, and which nobody can use as one."""
    encoded = token.encode("utf-8", "surrogatepass")
    return sha256(encoded).hexdigest()[:32] if is_meant_as_key(token) else None
