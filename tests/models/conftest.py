from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from legato.models.local.engine import Engine
from legato.models.local.weights import DEFAULT_CACHE, obtain_weights
from legato.models.openai import Endpoint, OpenAIModel, provider_client
from legato.models.retry import RetryPolicy
from tests.support.models.played import PlayedProvider, open_provider


@pytest.fixture
async def provider() -> AsyncIterator[PlayedProvider]:
    async with open_provider() as provider:
        yield provider


@pytest.fixture
async def client(provider: PlayedProvider) -> AsyncIterator[httpx.AsyncClient]:
    async with provider_client(Endpoint(provider.base_url, "sk-secret")) as client:
        yield client


@pytest.fixture
def model(client: httpx.AsyncClient) -> OpenAIModel:
    return OpenAIModel(
        "gpt",
        client,
        provider_name="gpt-large",
        max_context_tokens=1000,
        parameters={"temperature": 0.5, "top_p": 0.9},
        retry=RetryPolicy(first_wait=0.0),
    )


@pytest.fixture(scope="session")
def weights() -> Path:
    return obtain_weights(cache=DEFAULT_CACHE).resolve()


@pytest.fixture(scope="module")
def engine(weights: Path) -> Iterator[Engine]:
    with closing(Engine(weights, context_tokens=2048)) as engine:
        yield engine
