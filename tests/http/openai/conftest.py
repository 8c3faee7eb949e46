from collections.abc import AsyncIterator

import pytest

from tests.http.client import Client
from tests.http.openai.asked import ann_asking
from tests.http.openai.replicas import two_replicas


@pytest.fixture
async def asker() -> AsyncIterator[Client]:
    """Ann, in a house with a model for each of `asked.SCRIPTS`."""
    async with ann_asking() as ann:
        yield ann


@pytest.fixture
async def both() -> AsyncIterator[tuple[Client, Client]]:
    """Ann at one replica, and at another."""
    async with two_replicas() as both:
        yield both
