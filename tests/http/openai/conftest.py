from collections.abc import AsyncIterator

import pytest

from tests.http.client import Client
from tests.http.openai.asked import ann_asking


@pytest.fixture
async def asker() -> AsyncIterator[Client]:
    """Ann, in a house with a model for each of `asked.SCRIPTS`."""
    async with ann_asking() as ann:
        yield ann
