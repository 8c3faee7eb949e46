"""A real server for OpenAI's official clients, with a provider behind it that tests play."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import openai
import pytest
import trio

from legato.models.openai import Endpoint, OpenAIModel, provider_client
from legato.models.retry import RetryPolicy
from tests.support.http.live_server import LiveServer, live_server
from tests.support.models.played import PlayedProvider, open_provider
from tests.support.openai.asked import scripted

T = TypeVar("T")

both_ways = pytest.mark.parametrize("house", [True, False], ids=["direct", "served"], indirect=True)
"""For tests that have the server of the fixture `house`."""


@asynccontextmanager
async def served(*, direct: bool = True) -> AsyncIterator[tuple[LiveServer, PlayedProvider]]:
    """Its models are `scripted`, `held` (see HeldModel), `played`, and those of `asked.SCRIPTS`."""
    async with open_provider() as provider, provider_client(Endpoint(provider.base_url)) as client:
        played = OpenAIModel(
            "played",
            client,
            provider_name="gpt",
            max_context_tokens=1000,
            retry=RetryPolicy(retries=0),
        )
        async with live_server(models=[played, *scripted()], direct=direct) as server:
            yield server, provider


def client_of(server: LiveServer, mount: str = "/v1", key: str | None = None) -> openai.OpenAI:
    """OpenAI's own, unchanged but for what every user sets; no proxy of this machine's.

    `key` is the server's token where none is given.
    """
    return openai.OpenAI(
        base_url=f"http://127.0.0.1:{server.port}{mount}",
        api_key=key or server.token,
        max_retries=0,
        http_client=openai.DefaultHttpxClient(trust_env=False, verify=False),  # there is no TLS
    )


async def with_client(
    server: LiveServer,
    use: Callable[[openai.OpenAI], T],
    *,
    mount: str = "/v1",
    key: str | None = None,
) -> T:
    """What `use` returns; it runs in a thread, since that client blocks."""

    def run() -> T:
        with client_of(server, mount, key) as client:
            return use(client)

    return await trio.to_thread.run_sync(run)
