from collections.abc import AsyncIterator

import pytest

from legato.http.app import create_app
from legato.http.application import Legato
from tests.support.http.client import Client, bearer
from tests.support.http.runtime import open_house, settings_with


@pytest.fixture
async def app() -> AsyncIterator[Legato]:
    settings = settings_with()
    async with open_house(settings) as house:
        yield create_app(settings, house)


@pytest.fixture
def ann(app: Legato) -> Client:
    return Client(app, bearer("ann"))


@pytest.fixture
def bob(app: Legato) -> Client:
    return Client(app, bearer("bob"))


@pytest.fixture
def nobody(app: Legato) -> Client:
    return Client(app, {})
