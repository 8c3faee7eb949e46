"""A server in the benchmark's own process, over a real socket."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import trio

from legato.config import Settings
from legato.http.app import create_app
from legato.http.auth.tokens import sign
from legato.http.open import open_runtime
from legato.http.server.server import listening, serve_until

SECRET: Final = "a secret of thirty-two characters"


@asynccontextmanager
async def serving(database_url: str) -> AsyncIterator[int]:
    """Serve for the block, at a free port of this machine, which is yielded."""
    settings = Settings(jwt_secret=SECRET, database_url=database_url, port=0)
    app = create_app(settings)
    async with (
        listening(settings) as listeners,
        open_runtime(settings) as app.runtime,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(serve_until, trio.sleep_forever, app, listeners)
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


def token() -> str:
    """A user's token, good for an hour."""
    return sign("ann", SECRET, now=time.time(), ttl=3600)
