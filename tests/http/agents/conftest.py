"""The application with agents of the configuration, and users."""

from collections.abc import AsyncIterator

import pytest

from legato.config import AgentSettings
from legato.http.app import create_app
from legato.http.application import Legato
from tests.support.http.agents import FUNCTIONS
from tests.support.http.client import Client, bearer
from tests.support.http.runtime import open_house, settings_with

HELPERS = {
    "helper": AgentSettings(
        description="Helps everybody", instructions="Help.", parameters={"tokens": 2, "rate": 0}
    ),
    "secret": AgentSettings(visible=("bob",), category="law"),
}


@pytest.fixture
async def app() -> AsyncIterator[Legato]:
    settings = settings_with(agents=HELPERS, functions=FUNCTIONS)
    async with open_house(settings) as house:
        yield create_app(settings, house)


@pytest.fixture
def eve(app: Legato) -> Client:
    return Client(app, bearer("eve"))
