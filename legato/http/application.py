"""The application itself: what every request may use."""

from pathlib import Path
from typing import Final

from quart.wrappers.base import BaseRequestWebsocket
from werkzeug.routing import MapAdapter

from legato.config import Settings
from legato.http.asgi import Connection, Handshake, Hosted, Lifespan
from legato.http.auth import Authenticator
from legato.http.guards.addresses import Proxies
from legato.http.jwks import PublicKeys
from legato.http.logins import Logins
from legato.http.loop import LoopDelay
from legato.http.openai.sealing import Seal
from legato.http.requests import Requests
from legato.http.runtime import Runtime
from legato.http.streaming import Streams
from legato.http.transport.descriptors import most_connections
from legato.http.transport.limit import ConnectionLimit

BODY_TIMEOUT: Final = 30  # seconds to send a body


class Legato(Hosted):
    """`runtime` is None until the lifespan opens one, unless the application was given one."""

    asgi_http_class = Connection
    asgi_websocket_class = Handshake
    asgi_lifespan_class = Lifespan

    def __init__(self, settings: Settings, runtime: Runtime | None) -> None:
        static = str(Path(__file__).with_name("static"))
        super().__init__("legato", static_folder=static, static_url_path="/static")
        self.settings = settings
        self.runtime = runtime
        self.logins = Logins()
        self.streams = Streams()
        self.loop_delay = LoopDelay()
        self.requests = Requests(logged=settings.access_log)
        self.proxies = Proxies(settings.guards.trusted_proxies)
        self.connection_limit = ConnectionLimit(
            min(settings.limits.max_connections, most_connections()),
            settings.limits.max_connections_per_address,
            self.proxies.trusts,
        )
        keys = PublicKeys(settings.jwks_url) if settings.jwks_url else None
        self.seal = Seal(settings.jwt_secret or "")
        self.authenticator = Authenticator(settings.jwt_secret or "", keys)
        self.url_map.merge_slashes = False  # /api//convos is not there, rather than elsewhere
        self.config["MAX_CONTENT_LENGTH"] = settings.limits.max_body_bytes
        self.config["BODY_TIMEOUT"] = BODY_TIMEOUT

    def create_url_adapter(self, request: BaseRequestWebsocket | None) -> MapAdapter | None:
        """Routes do not depend on the host a client names, so one that is no name does no harm.

        Quart would bind them to it, and fail outside of all error handlers where it cannot.
        """
        if request is None:
            return super().create_url_adapter(request)
        path, method = request.path, request.method
        return self.url_map.bind("localhost", request.root_path, None, request.scheme, method, path)
