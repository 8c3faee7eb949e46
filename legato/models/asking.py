"""Asks a provider until it answers, refuses for good, or cannot be reached."""

import random
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import httpx
import trio
from msgspec import Struct

from legato.models.adaptations import Adaptation, Body, adapted, lesson, with_lesson
from legato.models.bodies import IncomingBody
from legato.models.contract import ModelError
from legato.models.failures import ErrorReport, may_pass, report_in
from legato.models.retry import RetryPolicy, retry_after_in

MOST_REFUSAL: Final = 64 * 1024  # bytes read of an error body
MOST_REDIRECTS: Final = 5  # a trailing slash, TLS and a version are three
_REDIRECTS: Final = frozenset({301, 302, 307, 308})  # 303 says to GET something else
_PATH: Final = "chat/completions"


class ProviderRefusal(Struct, frozen=True):
    """A provider's refusal.  `words`: the whole body, up to a bound; `status`: 0 without a
    response."""

    error: ModelError
    is_passing: bool = False
    status: int = 0
    words: str = ""


class Lessons:
    """The adaptations for a provider, learned by all requests together."""

    def __init__(self) -> None:
        self.learned: frozenset[Adaptation] = frozenset()


class RetryingRequest:
    """A request, however often the request is made.

    `without_key` removes the provider's key from a text for people.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        body: Body,
        retry: RetryPolicy,
        lessons: Lessons,
        without_key: Callable[[str], str],
    ) -> None:
        self._client = client
        self._body = body
        self._retry = retry
        self._lessons = lessons
        self._without_key = without_key
        self._learned = lessons.learned
        self._tried: set[Adaptation] = set()
        self._retries = 0

    async def response(self) -> IncomingBody:
        """The body of the first response with status 200.

        Raises:
            ModelError: if no response has status 200.
        """
        while True:
            answer = await self._ask()
            if isinstance(answer, IncomingBody):
                self._lessons.learned = self._learned
                return answer
            if not self._learn(answer):
                await self.pause(answer.error, is_passing=answer.is_passing)

    async def pause(self, error: ModelError, *, is_passing: bool) -> None:
        """Wait until a retry is allowed; raise `error` where no retry is allowed."""
        wait = self._retry.wait(self._retries, error.retry_after, random.random())
        if wait is None or not is_passing:
            raise error
        self._retries += 1
        await trio.sleep(wait)

    def redacted(self, error: ModelError) -> ModelError:
        message = self._without_key(str(error))
        return ModelError(error.reason, message, status=error.status, retry_after=error.retry_after)

    def _learn(self, refusal: ProviderRefusal) -> bool:
        """Whether the next request differs after the lesson of the refusal."""
        body = adapted(self._body, self._learned)
        found = lesson(refusal.status, refusal.words, body)
        if found is None or found in self._tried:
            return False
        self._tried.add(found)
        self._learned = with_lesson(self._learned, found)
        return adapted(self._body, self._learned) != body

    async def _ask(self) -> IncomingBody | ProviderRefusal:
        try:
            response = await self._send()
            if response.status_code == httpx.codes.OK and not _coding_of(response):
                return IncomingBody(response)
            return self._refusal(response, await _excerpt(response))
        except httpx.RequestError as error:
            return self._unreachable(error)

    async def _send(self) -> httpx.Response:
        """Send the request, and follow redirects on the same host."""
        body = adapted(self._body, self._learned)
        request = self._client.build_request("POST", _PATH, json=body)
        for _ in range(MOST_REDIRECTS):
            response = await self._client.send(request, stream=True)
            target = _redirected(request.url, response)
            if target is None:
                return response
            await IncomingBody(response).aclose()
            request = self._client.build_request("POST", target, json=body)
        return await self._client.send(request, stream=True)

    def _refusal(self, response: httpx.Response, body: bytes) -> ProviderRefusal:
        status = response.status_code
        if coding := _coding_of(response):
            body = f"a body compressed by {coding}, though it was asked for none".encode()
        report = report_in(body, status)
        what = f"answered {status}" if status != httpx.codes.OK else "sent no event stream"
        said = self._without_key(report.message) or response.reason_phrase
        error = ErrorReport(said, report.names, status).error(what)
        error.retry_after = retry_after_in(response.headers, datetime.now(UTC))
        return ProviderRefusal(
            error, _is_passing(report, response), status, body.decode(errors="replace")
        )

    def _unreachable(self, error: httpx.RequestError) -> ProviderRefusal:
        why = self._without_key(str(error)) or type(error).__name__
        host = self._client.base_url.host
        message = f"The provider at {host} cannot be reached: {why}"
        return ProviderRefusal(ModelError("provider_unreachable", message), _may_pass(error))


def _coding_of(response: httpx.Response) -> str:
    """The coding of a compressed body; "" for a plain body."""
    coding: str = response.headers.get("content-encoding", "").strip().lower()
    return "" if coding == "identity" else coding[:40]


def _redirected(url: httpx.URL, response: httpx.Response) -> httpx.URL | None:
    """The target of a redirect on the same host; None for any other response.

    The key is sent along, so neither a different host nor a downgrade from TLS will do.
    """
    location = response.headers.get("location")
    if response.status_code not in _REDIRECTS or not location:
        return None
    try:
        target = url.join(location)
    except httpx.InvalidURL:
        return None
    is_safe = target.scheme == "https" or target.scheme == url.scheme == "http"
    return target if target.host == url.host and is_safe else None


def _is_passing(report: ErrorReport, response: httpx.Response) -> bool:
    """Whether a refusal may pass: by OpenAI's header, else by the status."""
    match response.headers.get("x-should-retry"):
        case "true":
            return True
        case "false":
            return False
        case _:
            return may_pass(report.reason, report.status)


def _may_pass(error: httpx.RequestError) -> bool:
    """Whether an error may pass: not a wrong certificate, and not a request that cannot be sent."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return False
        cause = cause.__cause__ or cause.__context__
    passing = (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError)
    return isinstance(error, (*passing, httpx.ProxyError))


async def _excerpt(response: httpx.Response) -> bytes:
    """The beginning of an error body.  Closes the response."""
    excerpt = b""
    body = IncomingBody(response)
    try:
        while len(excerpt) < MOST_REFUSAL and (read := await body.read()):
            excerpt += read
    finally:
        await body.aclose()
    return excerpt[:MOST_REFUSAL]
