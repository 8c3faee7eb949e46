from collections.abc import AsyncIterator

import pytest

from tests.support.http.client import Client
from tests.support.http.live_server import LiveServer
from tests.support.http.replicas import two_replicas
from tests.support.models.played import PlayedProvider
from tests.support.openai.asked import ann_asking
from tests.support.openai.sdk import served


@pytest.fixture
async def asker() -> AsyncIterator[Client]:
    """Ann, in a house with a model for each of `asked.SCRIPTS`."""
    async with ann_asking() as ann:
        yield ann


@pytest.fixture
async def both() -> AsyncIterator[tuple[Client, Client]]:
    """Ann at two replicas."""
    async with two_replicas() as both:
        yield both


@pytest.fixture
async def house(request: pytest.FixtureRequest) -> AsyncIterator[tuple[LiveServer, PlayedProvider]]:
    async with served(direct=getattr(request, "param", True)) as house:
        yield house


@pytest.fixture
def server(house: tuple[LiveServer, PlayedProvider]) -> LiveServer:
    return house[0]


@pytest.fixture
def provider(house: tuple[LiveServer, PlayedProvider]) -> PlayedProvider:
    return house[1]
