"""Facts about the sender, read once from the head of a request, and kept for all guards."""

from hashlib import sha256
from typing import cast

from msgspec.structs import replace
from quart import Request, Websocket, g, has_request_context, request
from quart.globals import request_ctx, websocket_ctx

from legato.http.auth.api_keys import is_meant_as_key
from legato.http.auth.authenticator import Credentials, session_in
from legato.http.errors import DoubtfulSender
from legato.http.guards.addresses import Proxies, ip_subject
from legato.http.guards.contract import RequestInfo
from legato.http.guards.senders import Sender, sender


def credentials() -> Credentials:
    """The credentials of the current request or handshake."""
    if "credentials" not in g:
        g.credentials = _credentials(_head())
    return cast("Credentials", g.credentials)


def request_info() -> RequestInfo:
    """All facts known by now; the user only after authentication."""
    if "request_info" not in g:
        g.request_info = _request_info(_head(), credentials())
    return replace(cast("RequestInfo", g.request_info), user=g.get("user"))


def _head() -> Request | Websocket:
    return request_ctx.request if has_request_context() else websocket_ctx.websocket


def _credentials(asked: Request | Websocket) -> Credentials:
    """The credentials in the head; a handshake's method counts as an unsafe one.

    Browsers send cookies with the handshake of any site's page, and show the page all messages.
    """
    is_handshake = isinstance(asked, Websocket)
    headers, own_scheme = asked.headers, scheme().replace("ws", "http", 1)
    origin = headers.get("Origin")
    return Credentials(
        method="WEBSOCKET" if is_handshake else asked.method,
        own_origin="" if origin is None else f"{own_scheme}://{host()}",
        authorization=headers.get("Authorization"),
        session=session_in(headers.getlist("Cookie")),
        origin=origin,
    )


def _request_info(asked: Request | Websocket, credentials: Credentials) -> RequestInfo:
    return RequestInfo(
        method=asked.method,
        path=asked.path,
        from_ip=ip_subject(_sender().address),
        agent=asked.headers.get("User-Agent", ""),
        has_credentials=bool(credentials.authorization) or credentials.session is not None,
        read=_body,
        key=_digest(credentials.bearer or ""),
    )


def scheme() -> str:
    """The scheme that the client used: http or https."""
    return _sender().scheme


def host() -> str:
    """The client's host[:port]."""
    return _sender().host


def note_sender(asked: Request | Websocket, proxies: Proxies) -> None:
    """Note the sender of the request, as far as one of these proxies names the sender."""
    own = Sender(asked.remote_addr or "", asked.scheme, asked.host)
    g.sender = sender(proxies, own, asked.headers.getlist)


def _sender() -> Sender:
    return cast("Sender", g.sender)


def check_sender() -> None:
    """Raises DoubtfulSender where a proxy's headers leave the sender uncertain."""
    if doubt := _sender().doubt:
        remedy = "the proxy has to remove or overwrite the header that it does not write itself"
        raise DoubtfulSender(f"{doubt}: {remedy}")


async def _body() -> bytes:
    """The request's body; empty for a WebSocket's handshake."""
    return cast("bytes", await request.get_data()) if has_request_context() else b""


def _digest(token: str) -> str | None:
    """A digest under which an API key is counted, useless as a key; None for other tokens."""
    encoded = token.encode("utf-8", "surrogatepass")
    return sha256(encoded).hexdigest()[:32] if is_meant_as_key(token) else None
