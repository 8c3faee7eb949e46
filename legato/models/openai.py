"""Any server that speaks OpenAI's Chat Completions: OpenAI, vLLM, Ollama, llama.cpp, LiteLLM."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final, cast
from urllib.request import getproxies

import httpx
from msgspec import Struct

from legato.models.answers import open_batches
from legato.models.asking import Lessons, RetryingRequest
from legato.models.contract import ChatMessage, Json, ModelError, ModelEvent, ModelRequest
from legato.models.counting import estimate_tokens
from legato.models.retry import RetryPolicy
from legato.models.transport import TrioTransport

_LIMITS: Final = ("max_tokens", "max_completion_tokens")

_OURS: Final = frozenset({"messages", "model", "n", "stream", "stream_options"})


class Endpoint(Struct, frozen=True):
    """A provider's address and key.  `base_url` has the version, as in `…/v1`."""

    base_url: str
    api_key: str | None = None


def provider_client(
    endpoint: Endpoint,
    *,
    trust_env: bool = True,
    transport: httpx.AsyncBaseTransport | None = None,
) -> httpx.AsyncClient:
    """A client for one model's endpoint; its connections are shared by all of its requests.

    The job judges how long a provider may be silent, so reading has no limit here. Connections have
    no limit either, because jobs are counted where they start.  If the environment names a proxy,
    httpx's own transport serves, which can speak to proxies.
    """
    key = {"Authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {}
    proxied = trust_env and bool(getproxies().keys() - {"no"})
    return httpx.AsyncClient(
        transport=transport or (None if proxied else TrioTransport(trust_env=trust_env)),
        base_url=endpoint.base_url,
        # A compressed stream is held back until there is enough to compress, and a few bytes could
        # become gigabytes.
        headers={"Accept-Encoding": "identity", **key},
        timeout=httpx.Timeout(None, connect=10.0),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
        trust_env=trust_env,
    )


class OpenAIModel:
    """A model of a server.  The caller opens and closes `client` (see `provider_client`)."""

    writes_titles: Final = True
    continues: Final = True

    def __init__(
        self,
        name: str,
        client: httpx.AsyncClient,
        *,
        provider_name: str,
        max_context_tokens: int,
        parameters: Mapping[str, Json] | None = None,
        returns_thoughts: bool = False,
        reads_images: bool = True,
        retry: RetryPolicy | None = None,
    ) -> None:
        """`returns_thoughts`: thoughts before a tool call are sent back to the model."""
        self.name: Final = name
        self.max_context_tokens: Final = max_context_tokens
        self.reads_images: Final = reads_images
        self._client = client
        self._provider_name = provider_name
        self._defaults = parameters or {}
        self._returns_thoughts = returns_thoughts
        self._retry = retry or RetryPolicy()
        self._lessons = Lessons()
        OpenAIModel.check(self, self._defaults)  # a subclass may take less from callers

    def count_tokens(self, text: str) -> int:
        return estimate_tokens(text)

    def check(self, parameters: Mapping[str, Json]) -> None:
        """Take any JSON value under any name, except the fields that the server itself sets."""
        for key in sorted(_OURS & parameters.keys()):
            raise ModelError(
                "invalid_parameters",
                f"{key} is set by the server itself; allowed: every other parameter",
            )
        for key, value in parameters.items():
            try:
                json.dumps(value, allow_nan=False)
            except (TypeError, ValueError, RecursionError) as error:
                raise ModelError(
                    "invalid_parameters", f"{key} is {value!r:.80}; allowed: any JSON value"
                ) from error

    @asynccontextmanager
    async def stream(
        self, request: ModelRequest
    ) -> AsyncIterator[AsyncIterator[Sequence[ModelEvent]]]:
        self.check(request.parameters)
        body = self._body(request)
        asking = RetryingRequest(self._client, body, self._retry, self._lessons, self._without_key)
        async with open_batches(asking) as batches:
            yield batches

    def _body(self, request: ModelRequest) -> dict[str, Json]:
        return {
            **_without_other_limits(self._defaults, request.parameters),
            **request.parameters,
            "model": self._provider_name,
            "messages": [self._message(said) for said in request.messages],
            "stream": True,
            "stream_options": {"include_usage": True},
        }

    def _message(self, said: ChatMessage) -> dict[str, Json]:
        body = {**said.more, "role": said.role, "content": cast("Json", said.content)}
        if self._returns_thoughts and said.thoughts and "tool_calls" in said.more:
            body.setdefault("reasoning_content", said.thoughts)
        return body

    def _without_key(self, text: str) -> str:
        _, _, key = self._client.headers.get("authorization", "").partition(" ")
        return text.replace(key, "…") if key else text


def _without_other_limits(
    defaults: Mapping[str, Json], given: Mapping[str, Json]
) -> Mapping[str, Json]:
    """The parameters of a table for a request with perhaps a limit of its own, by either name.

    Servers refuse both names at once, or go by the one that nobody meant.
    """
    if not any(name in given for name in _LIMITS):
        return defaults
    return {name: value for name, value in defaults.items() if name not in _LIMITS}
