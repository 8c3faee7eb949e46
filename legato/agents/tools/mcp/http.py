"""The HTTP client of a server with an address, with bounds for all that comes back.

The `mcp` package ends a whole connection with the first request that fails on the way.  Here each
failure is an answer to the request that failed, so other calls go on.
"""

import ssl
from typing import Final

import httpx2
import trio
from mcp_types import CONNECTION_CLOSED, ErrorData, JSONRPCError

from legato.agents.tools.mcp.errors import NOT_SENT, TOO_LONG
from legato.config.tools import McpSettings

MOST_BYTES: Final = 1024 * 1024
"""Bytes of one answer that is JSON; the `mcp` package has the same bound for an event."""

CONNECT_TIMEOUT: Final = 10.0  # seconds; the rest is bounded by the deadline of each call

_TIMEOUT: Final = httpx2.Timeout(CONNECT_TIMEOUT, read=None, pool=None)
_LIMITS: Final = httpx2.Limits(max_connections=None, max_keepalive_connections=20)


def http_client(settings: McpSettings) -> httpx2.AsyncClient:
    # Proxies of the environment would lead around the bounds.
    return httpx2.AsyncClient(
        headers=dict(settings.headers),
        timeout=_TIMEOUT,
        transport=_Bounded(httpx2.AsyncHTTPTransport(verify=_trust(settings), limits=_LIMITS)),
        trust_env=False,
    )


def _trust(settings: McpSettings) -> ssl.SSLContext | bool:
    """The machine's authorities; nobody is trusted for a server whose requests are not encrypted.

    To read the authorities holds the loop up for 25 ms at each connection.
    """
    if settings.url is not None and settings.url.startswith("https:"):
        return True
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class _Bounded(httpx2.AsyncBaseTransport):
    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            response = await self._inner.handle_async_request(request)
            if not _is_json(response):
                return response
            try:
                return await _read(response)
            finally:
                await response.aclose()
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            return _failed(NOT_SENT, f"the server cannot be reached: {error}")
        except httpx2.TransportError as error:
            return _failed(CONNECTION_CLOSED, f"the connection broke: {error}")

    async def aclose(self) -> None:
        await self._inner.aclose()


def _is_json(response: httpx2.Response) -> bool:
    return response.headers.get("content-type", "").lower().startswith("application/json")


async def _read(response: httpx2.Response) -> httpx2.Response:
    """The same response, with its body read."""
    body = bytearray()
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    # Cancelled, not left: half-read generators of the libraries below would stay unfinished.
    with trio.CancelScope() as scope:
        async for data in response.stream:
            body += data
            if len(body) > MOST_BYTES:
                scope.cancel()
    if len(body) > MOST_BYTES:
        return _failed(TOO_LONG, f"the server answered more than {MOST_BYTES} bytes")
    headers = [
        (name, value) for name, value in response.headers.raw if name.lower() != b"content-encoding"
    ]
    return httpx2.Response(response.status_code, headers=headers, content=bytes(body))


def _failed(code: int, message: str) -> httpx2.Response:
    error = JSONRPCError(jsonrpc="2.0", id=None, error=ErrorData(code=code, message=message))
    return httpx2.Response(
        503,
        headers={"content-type": "application/json"},
        content=error.model_dump_json(by_alias=True),
    )
