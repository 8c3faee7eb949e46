"""The route at which Prometheus reads, and the callers to whom the route is open."""

import hmac
from typing import Final
from urllib.parse import urlsplit

from quart import Blueprint, Response, request
from quart_schema import hide

from legato.http.application import application
from legato.http.auth.tokens import Unauthorized
from legato.http.errors import RequestError
from legato.http.guards.addresses import parse_address
from legato.secret import is_loopback

FORWARDED: Final = frozenset(
    {
        *("forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "client-ip"),
        *("true-client-ip", "cf-connecting-ip", "cf-ray", "fastly-client-ip", "x-original-host"),
        *("x-original-url", "x-rewrite-url", "x-envoy-external-address", "x-remote-addr"),
    }
)
FORWARDED_PREFIX: Final = "x-forwarded-"
"""Headers that a proxy adds: a client behind a proxy is not local, though the proxy may be."""

metrics = Blueprint("metrics", __name__)


class NotLocal(RequestError):
    status = 403
    error = "Forbidden"


@metrics.get("/metrics")
@hide
async def read() -> Response:
    """For a caller with the `metrics_token`; without that setting, for callers on this machine."""
    check_reader(application().settings.metrics_token)
    # Here, and in late_imports: no start of a server is to wait for what only this route needs.
    from legato.http.monitoring.collector import CONTENT_TYPE, written

    return Response(written(application()), content_type=CONTENT_TYPE)


def check_reader(token: str | None) -> None:
    """Raises Unauthorized or NotLocal."""
    if token is not None:
        given = request.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {token}".encode()):
            raise Unauthorized("metrics are read with `Authorization: Bearer <metrics_token>`")
    elif not is_local():
        raise NotLocal("Metrics are for this machine; metrics_token opens them to others.")


def is_local() -> bool:
    """Whether a program on this machine asks, without a proxy and under a name of this machine.

    A page of another site may have a name that leads here (DNS rebinding), and then the
    browser sends the other site's name as `Host`.
    """
    peer = parse_address(request.remote_addr or "")
    return peer is not None and peer.is_loopback and not _is_forwarded() and _is_asked_locally()


def _is_forwarded() -> bool:
    names = {name.lower() for name, _ in request.headers}
    return not FORWARDED.isdisjoint(names) or any(n.startswith(FORWARDED_PREFIX) for n in names)


def _is_asked_locally() -> bool:
    try:
        return is_loopback(urlsplit(f"//{request.host}").hostname or "")
    except ValueError:  # a malformed host
        return False
