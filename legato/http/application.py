"""The application itself: all that a request may use."""

import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from quart import Response, abort, current_app
from quart.wrappers.base import BaseRequestWebsocket
from werkzeug.routing import MapAdapter

from legato.config import ANY_AUDIENCE, OidcSettings, Settings
from legato.http.agents.action_saving import ActionSaving
from legato.http.agents.ids import NAME, AgentIdConverter
from legato.http.assets import Assets, listed
from legato.http.auth.authenticator import Authenticator
from legato.http.auth.logins import Logins
from legato.http.auth.oidc.flows import Flows
from legato.http.auth.tokens import Expected
from legato.http.guards.addresses import Proxies
from legato.http.input.uploads import UploadRequest
from legato.http.monitoring.loop_delay import LoopDelay
from legato.http.openai.responses.sealing import Seal
from legato.http.requests import Requests
from legato.http.runtime import Runtime
from legato.http.server.asgi import Handshake, Hosted, HTTPConnection, Lifespan
from legato.http.server.transport.descriptors import most_connections
from legato.http.server.transport.limit import ConnectionLimit
from legato.http.streams.streaming import Streams
from legato.http.url_rules import UrlRule

if TYPE_CHECKING:
    from legato.http.auth.jwks import PublicKeys
    from legato.http.auth.oidc.provider import IdentityProvider

BODY_TIMEOUT: Final = 30  # seconds to send a body
VERSION: Final = re.compile("[0-9a-f]{16}")  # see Folder


class Legato(Hosted):
    """`runtime` is None until the lifespan opens a runtime, unless the caller handed one in."""

    asgi_http_class = HTTPConnection
    asgi_websocket_class = Handshake
    asgi_lifespan_class = Lifespan
    request_class = UploadRequest
    url_rule_class = UrlRule  # type: ignore[assignment]  # as Quart's own

    def __init__(
        self,
        settings: Settings,
        runtime: Runtime | None,
        open_runtime: Callable[[Settings], AbstractAsyncContextManager[Runtime]],
    ) -> None:
        static = Path(__file__).with_name("static")
        pages = str(Path(__file__).with_name("templates"))
        super().__init__(
            "legato", static_folder=str(static), static_url_path="/static", template_folder=pages
        )
        self.assets = Assets()
        self.static = listed(static)
        self.settings = settings
        self.runtime = runtime
        self._open_runtime = open_runtime
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
        self.action_saving = ActionSaving(settings)
        self.seal = Seal(settings.jwt_secret or "")
        audience = None if settings.jwt_audience == ANY_AUDIENCE else settings.jwt_audience
        expected = Expected(settings.jwt_issuer, audience)
        keys = _provider_keys(settings.jwks_url) if settings.jwks_url else None
        self.authenticator = Authenticator(settings.jwt_secret or "", keys, expected=expected)
        self.provider = _provider(settings.oidc) if settings.oidc else None
        self.flows = Flows(settings.jwt_secret or "")
        self.url_map.converters[NAME] = AgentIdConverter
        self.url_map.merge_slashes = False  # /api//convos is not there, rather than elsewhere
        self.config["MAX_CONTENT_LENGTH"] = settings.limits.max_body_bytes
        self.config["BODY_TIMEOUT"] = BODY_TIMEOUT

    @property
    def is_open(self) -> bool:
        """See Hosted."""
        return self.runtime is not None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """See Hosted."""
        async with self._open_runtime(self.settings) as self.runtime:
            yield

    async def look_at_provider(self) -> None:
        """Have the log say at once if nobody can log in at the configured provider."""
        if self.provider is not None:
            await self.provider.look()

    async def send_static_file(self, filename: str) -> Response:
        """Send a file of the page, by its name or below a version.

        Below this server's version the browser may keep the file for ever.  Below the version of a
        different replica, in the middle of an upgrade, the file is sent as this server has it.
        """
        version, _, name = filename.partition("/")
        name = name if VERSION.fullmatch(version) else filename
        if (read := self.static.find(name)) is None:
            abort(404)
        lasts = name != filename and version == self.static.version
        return await self.assets.reply(f"static/{name}", read, lasts=lasts)

    def create_url_adapter(self, request: BaseRequestWebsocket | None) -> MapAdapter | None:
        """Bind the routes without the client's `Host`, so a malformed `Host` does no harm.

        Quart would bind the routes to the client's host.  With a malformed host Quart fails
        outside of all error handlers.
        """
        if request is None:
            return super().create_url_adapter(request)
        path, method = request.path, request.method
        return self.url_map.bind("localhost", request.root_path, None, request.scheme, method, path)


def application() -> Legato:
    """The application that serves the request."""
    return cast("Legato", current_app)


def _provider_keys(url: str) -> "PublicKeys":
    """The import is here because the module brings an HTTP client, which few servers need."""
    from legato.http.auth.jwks import PublicKeys

    return PublicKeys(url)


def _provider(settings: OidcSettings) -> "IdentityProvider":
    """Imported late, as `_provider_keys`.  Raises ConfigError without the client's secret."""
    from legato.http.auth.oidc.provider import open_provider

    return open_provider(settings, os.environ)
