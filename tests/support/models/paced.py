"""A provider without a network, on the test's clock: bytes, silences and breaks."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import httpx
import msgspec
import trio

from legato.models.contract import Json
from legato.models.openai import OpenAIModel
from legato.models.retry import RetryPolicy

Step = bytes | float | Exception
"""What is sent, for how many seconds nothing is, or how the connection breaks."""


class PacedBody(httpx.AsyncByteStream):
    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = steps
        self.is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for step in self._steps:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, float):
                await trio.sleep(step)
            else:
                await trio.lowlevel.checkpoint()
                yield step

    async def aclose(self) -> None:
        self.is_closed = True
        await trio.lowlevel.checkpoint()


class PacedProvider(httpx.AsyncBaseTransport):
    """Answers with `responses` in order, and keeps what it was asked, and when."""

    def __init__(self, *responses: httpx.Response | Exception) -> None:
        self._responses = [*responses]
        self.bodies: list[dict[str, Any]] = []
        self.urls: list[str] = []
        self.times: list[float] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await trio.lowlevel.checkpoint()
        self.bodies.append(msgspec.json.decode(request.content))
        self.urls.append(str(request.url))
        self.times.append(trio.current_time())
        response = self._responses.pop(0)
        if isinstance(response, Exception):
            raise response
        return response


def streams(*steps: Step, **headers: str) -> httpx.Response:
    return httpx.Response(200, headers=headers, stream=PacedBody(steps))


def refuses(status: int, body: object = None, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, headers=named, stream=PacedBody([msgspec.json.encode(body)]))


def model_of(
    provider: PacedProvider,
    *,
    returns_thoughts: bool = False,
    parameters: Mapping[str, Json] | None = None,
) -> OpenAIModel:
    """The client is not closed: it holds nothing that a test would leave open."""
    client = httpx.AsyncClient(transport=provider, base_url="http://host/v1")
    return OpenAIModel(
        "gpt",
        client,
        provider_name="gpt",
        max_context_tokens=1000,
        returns_thoughts=returns_thoughts,
        parameters=parameters,
        retry=RetryPolicy(first_wait=0.0),
    )
