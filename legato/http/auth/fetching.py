"""Requests to an identity provider, bounded in time and in bytes."""

import ssl
from collections.abc import Mapping
from typing import Final

import httpx
import trio
from msgspec import Struct

FETCH_TIMEOUT: Final = 10.0  # s; a person at a login waits no longer
MAX_REPLY: Final = 1024 * 1024  # bytes; providers' replies have some thousand


class Unreachable(Exception):
    """No whole reply came.  The message is for people, and names the URL."""


class Fetched(Struct, frozen=True):
    status: int
    content: bytes


async def fetch(
    method: str,
    url: str,
    *,
    form: Mapping[str, str] | None = None,
    auth: httpx.Auth | None = None,
) -> Fetched:
    """The reply of `url`, whatever the status; redirects are not followed.

    Raises:
        Unreachable: where no whole reply came within FETCH_TIMEOUT, or a reply beyond MAX_REPLY.
    """
    try:
        with trio.fail_after(FETCH_TIMEOUT):
            async with (
                httpx.AsyncClient(timeout=None, verify=await _trust(url)) as client,
                client.stream(method, url, data=form, auth=auth) as response,
            ):
                return Fetched(response.status_code, await _bounded(response, url))
    except trio.TooSlowError:
        raise Unreachable(f"{url} took longer than {FETCH_TIMEOUT:g} s to answer") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = str(error) or type(error).__name__
        raise Unreachable(f"{url} cannot be reached: {reason}") from None


async def _trust(url: str) -> ssl.SSLContext | bool:
    """The authorities for a TLS connection, read in a thread for tens of milliseconds."""
    if not url.startswith("https:"):
        return False
    return await trio.to_thread.run_sync(httpx.create_ssl_context)


async def _bounded(response: httpx.Response, url: str) -> bytes:
    content = bytearray()
    # Cancelled, not left: half-read generators of the libraries below would stay unfinished.
    with trio.CancelScope() as scope:
        async for piece in response.aiter_bytes():
            content += piece
            if len(content) > MAX_REPLY:
                scope.cancel()
    if len(content) > MAX_REPLY:
        raise Unreachable(f"{url} answered with more than {MAX_REPLY} bytes")
    return bytes(content)
