"""Where the application meets its ASGI server: bodies that are cut, and the lifespan."""

from typing import TYPE_CHECKING

from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope
from quart_trio import QuartTrio
from quart_trio.asgi import TrioASGIHTTPConnection, TrioASGILifespan

from legato.config import ConfigError
from legato.http.runtime import open_runtime
from legato.http.streaming import StreamCut
from legato.models.contract import ModelError
from legato.storage.contract import StorageError

if TYPE_CHECKING:
    from legato.http.app import Legato


class Connection(TrioASGIHTTPConnection):
    def __init__(self, app: QuartTrio, scope: HTTPScope) -> None:
        # HTTP/2 lets any bytes come as a query; Quart fails on those that are not UTF-8.
        query = scope["query_string"].decode(errors="replace").encode()
        super().__init__(app, {**scope, "query_string": query})

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Returning in the middle of a body makes the server drop the connection there.

        That is how a body is cut on purpose; raising would do it too, with a traceback in the log.
        """
        try:
            await super().__call__(receive, send)
        except* StreamCut:
            pass


class Lifespan(TrioASGILifespan):
    """Opens the runtime for an application that was made without one, as foreign servers do."""

    app: "Legato"

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        await receive()
        if self.app.runtime is not None:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        elif not await self._serve(receive, send):
            return
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> bool:
        try:
            async with open_runtime(self.app.settings) as self.app.runtime:
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except (ConfigError, ModelError, StorageError) as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return False
        return True
