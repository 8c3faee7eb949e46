"""Any server that speaks OpenAI's Chat Completions: OpenAI, vLLM, Ollama, llama.cpp, LiteLLM."""

import json
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final, cast

import httpx
import trio
from msgspec import Struct

from legato.models.answers import Batches, open_reads
from legato.models.completions import message_in
from legato.models.contract import ChatMessage, Json, ModelError, ModelEvent, ModelRequest
from legato.models.counting import estimate_tokens
from legato.models.retry import RetryPolicy, read_retry_after

_OURS: Final = frozenset({"messages", "model", "n", "stream", "stream_options"})
_RETRIED: Final = frozenset({429, 500, 502, 503, 504})
_MAX_REFUSAL: Final = 64 * 1024  # bytes read of an error body


class Endpoint(Struct, frozen=True):
    """Where a provider is and what opens it.  `base_url` has the version, as in `…/v1`."""

    base_url: str
    api_key: str | None = None


class _Refusal(Struct, frozen=True):
    """A provider's answer that is no answer.  `retry_after` in seconds, if it said so."""

    error: ModelError
    passing: bool = False
    retry_after: float | None = None
    dislikes_options: bool = False


def provider_client(endpoint: Endpoint, *, trust_env: bool = True) -> httpx.AsyncClient:
    """A client for one model's endpoint; its connections are shared by all of its requests.

    How long a provider may be silent is the job's to judge, so reading has no limit here,
    and neither has the number of connections: the jobs are counted where they start.
    """
    return httpx.AsyncClient(
        base_url=endpoint.base_url,
        headers={"Authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {},
        timeout=httpx.Timeout(None, connect=10.0),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
        trust_env=trust_env,
    )


class OpenAIModel:
    """One model of one server.  The caller opens `client` (see `provider_client`) and closes it."""

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
        retry: RetryPolicy | None = None,
    ) -> None:
        self.name: Final = name
        self.max_context_tokens: Final = max_context_tokens
        self._client = client
        self._provider_name = provider_name
        self._defaults = parameters or {}
        self._retry = retry or RetryPolicy()
        OpenAIModel.check(self, self._defaults)  # a subclass may take less from callers

    def count_tokens(self, text: str) -> int:
        return estimate_tokens(text)

    def check(self, parameters: Mapping[str, Json]) -> None:
        """Anything but what is not the caller's to say, and what JSON cannot say."""
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
        response = await self._ask(self._body(request))
        async with open_reads(response) as reads:
            yield Batches(reads)

    def _body(self, request: ModelRequest) -> dict[str, Json]:
        return {
            **self._defaults,
            **request.parameters,
            "model": self._provider_name,
            "messages": [_message(said) for said in request.messages],
            "stream": True,
            "stream_options": {"include_usage": True},
        }

    async def _ask(self, body: dict[str, Json]) -> httpx.Response:
        """The response once it streams.  Only up to here is anything asked twice."""
        retries = 0
        while True:
            answer = await self._ask_once(body)
            if isinstance(answer, httpx.Response):
                return answer
            if answer.dislikes_options and body.pop("stream_options", None):
                continue
            wait = self._retry.wait(retries, answer.retry_after, random.random())
            if wait is None or not answer.passing:
                raise answer.error
            retries += 1
            await trio.sleep(wait)

    async def _ask_once(self, body: Mapping[str, Json]) -> httpx.Response | _Refusal:
        request = self._client.build_request("POST", "chat/completions", json=body)
        try:
            response = await self._client.send(request, stream=True)
            if _streams(response):
                return response
            return self._refusal(response, await _excerpt(response))
        except httpx.RequestError as error:
            return _Refusal(self._unreachable(error), passing=True)

    def _refusal(self, response: httpx.Response, body: bytes) -> _Refusal:
        status = response.status_code
        said = self._without_key(message_in(body)) or response.reason_phrase or "no reason given"
        what = "sent no event stream" if status == httpx.codes.OK else f"answered {status}"
        return _Refusal(
            ModelError(_reason(status), f"The provider {what}: {said}"),
            passing=status in _RETRIED,
            retry_after=read_retry_after(response.headers.get("retry-after"), datetime.now(UTC)),
            dislikes_options=status == httpx.codes.BAD_REQUEST and b"stream_options" in body,
        )

    def _unreachable(self, error: httpx.RequestError) -> ModelError:
        why = self._without_key(str(error)) or type(error).__name__
        host = self._client.base_url.host
        return ModelError(
            "provider_unreachable", f"The provider at {host} cannot be reached: {why}"
        )

    def _without_key(self, text: str) -> str:
        _, _, key = self._client.headers.get("authorization", "").partition(" ")
        return text.replace(key, "…") if key else text


def _message(said: ChatMessage) -> dict[str, Json]:
    return {**said.more, "role": said.role, "content": cast("Json", said.content)}


async def _excerpt(response: httpx.Response) -> bytes:
    """The beginning of an error body.  Closes the response."""
    body = b""
    async with open_reads(response) as reads:
        async for read in reads:
            body += read
            if len(body) > _MAX_REFUSAL:
                break
    return body


def _streams(response: httpx.Response) -> bool:
    return response.status_code == httpx.codes.OK and response.headers.get(
        "content-type", ""
    ).startswith("text/event-stream")


def _reason(status: int) -> str:
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return "provider_rate_limited"
    if httpx.codes.is_server_error(status) or status == httpx.codes.OK:
        return "provider_error"
    return "provider_rejected"
