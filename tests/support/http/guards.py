"""A house with guards, and guests who come from wherever a test wants."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from msgspec import Struct
from quart_trio.testing import TrioClient
from quart_trio.testing.connections import TestHTTPConnection

from legato.config import Compat, Guards, Limits
from legato.http.app import create_app
from legato.http.application import Legato
from legato.http.runtime import Runtime
from tests.support.http.client import Client, bearer
from tests.support.http.runtime import open_house, settings_with
from tests.support.storage.turns import SteppedClock

HOME: Final = "192.0.2.1"
ELSEWHERE: Final = "192.0.2.2"


class Guest(Client):
    """A client at an address of its own."""

    def __init__(self, app: Legato, headers: Mapping[str, str], address: str) -> None:
        super().__init__(app, headers)
        self.address = address

    def connect(self, method: str, path: str, headers: dict[str, str]) -> TestHTTPConnection:
        client = TrioClient(self.app, use_cookies=False)
        place = {"client": (self.address, 4711)}
        connection = client.request(path, method=method, headers=headers, scope_base=place)
        assert isinstance(connection, TestHTTPConnection)
        return connection


class Door(Struct):
    app: Legato
    house: Runtime
    clock: SteppedClock

    def guest(self, user: str | None, address: str = HOME, **headers: str) -> Guest:
        """Anybody where `user` is None."""
        token = {} if user is None else bearer(user)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Guest(self.app, token | named, address)


@asynccontextmanager
async def open_door(
    *,
    limits: Limits | None = None,
    librechat_denials: bool = False,
    redis_url: str | None = None,
    **guards: Any,
) -> AsyncIterator[Door]:
    """Guarded by these settings, on a clock that stands still."""
    clock = SteppedClock()
    settings = settings_with(
        limits,
        guards=Guards(**guards),
        compat=Compat(librechat_denials=librechat_denials),
        redis_url=redis_url,
    )
    async with open_house(settings, clock=clock) as house:
        yield Door(create_app(settings, house), house, clock)
