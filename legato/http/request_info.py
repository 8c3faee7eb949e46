"""What the head of a request says about whoever asks: read once, and kept for all who judge it."""

from hashlib import sha256
from typing import cast

from msgspec.structs import replace
from quart import Request, Websocket, g, has_request_context, request
from quart.globals import request_ctx, websocket_ctx

from legato.http.auth.api_keys import is_meant_as_key
from legato.http.auth.authenticator import Credentials, session_in
from legato.http.guards.addresses import ip_subject
from legato.http.guards.asking import Asking
from legato.http.request_context import application


def credentials() -> Credentials:
    """The credentials of the request, or of the handshake, that is served."""
    if "credentials" not in g:
        g.credentials = _credentials(_head())
    return cast("Credentials", g.credentials)


def asking() -> Asking:
    """All that is known by now: who asks only once that was authenticated."""
    if "asking" not in g:
        g.asking = _asking(_head(), credentials())
    return replace(cast("Asking", g.asking), user=g.get("user"))


def _head() -> Request | Websocket:
    return request_ctx.request if has_request_context() else websocket_ctx.websocket


def _credentials(asked: Request | Websocket) -> Credentials:
    """Browsers send cookies with any page's handshake, and hide no reply of it from that page: so
    a handshake's method is none of the safe ones, whatever HTTP calls it.
    """
    is_handshake = isinstance(asked, Websocket)
    headers = asked.headers
    origin = headers.get("Origin")
    return Credentials(
        method="WEBSOCKET" if is_handshake else asked.method,
        own_origin="" if origin is None else f"{scheme_of(asked)}://{host_of(asked)}",
        authorization=headers.get("Authorization"),
        session=session_in(headers.getlist("Cookie")),
        origin=origin,
    )


def _asking(asked: Request | Websocket, credentials: Credentials) -> Asking:
    forwarded = asked.headers.getlist("X-Forwarded-For")
    return Asking(
        method=asked.method,
        path=asked.path,
        from_ip=ip_subject(application().proxies.address(asked.remote_addr or "", forwarded)),
        agent=asked.headers.get("User-Agent", ""),
        has_credentials=bool(credentials.authorization) or credentials.session is not None,
        read=_body,
        key=_digest(credentials.bearer or ""),
    )


def scheme_of(asked: Request | Websocket) -> str:
    """http or https, as the client used it."""
    said = asked.headers.getlist("X-Forwarded-Proto")
    scheme = application().proxies.scheme(asked.remote_addr or "", asked.scheme, said)
    return scheme.replace("ws", "http", 1)


def host_of(asked: Request | Websocket) -> str:
    """host[:port], as the client wrote it."""
    said = asked.headers.getlist("X-Forwarded-Host")
    return application().proxies.host(asked.remote_addr or "", asked.host, said)


async def _body() -> bytes:
    """Of a WebSocket's handshake there is none."""
    return cast("bytes", await request.get_data()) if has_request_context() else b""


def _digest(token: str) -> str | None:
    """By which an API key is counted, and which nobody can use as one."""
    encoded = token.encode("utf-8", "surrogatepass")
    return sha256(encoded).hexdigest()[:32] if is_meant_as_key(token) else None
