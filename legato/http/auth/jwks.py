"""The public keys of an identity provider, fetched from a JWKS URL and kept."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import httpx
import jwt
import msgspec
import structlog
import trio
from msgspec import Struct

from legato.http.auth.tokens import KeysUnavailable, ProviderAlgorithm

MAX_AGE: Final = 600.0  # s; a key withdrawn by the provider is refused within ten minutes
MIN_INTERVAL: Final = 10.0  # s between two fetches, however many unknown key ids come in
FETCH_TIMEOUT: Final = 5.0  # s
MIN_RSA_BITS: Final = 2048  # RFC 7518, 3.3


class PublicKey(Struct, frozen=True):
    """A key, and the only algorithm that the key's kind allows."""

    id: str | None
    algorithm: ProviderAlgorithm
    key: Any  # of `cryptography`


class PublicKeys:
    """Known keys are answered from memory.

    At most one fetch runs at a time, and fetches are MIN_INTERVAL apart.  While the URL does not
    answer, the known keys stay good.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._keys: tuple[PublicKey, ...] | None = None
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching = trio.Lock()

    async def find(self, algorithm: str, key_id: str | None) -> PublicKey | None:
        """The key of that id, or, where the token names no id, the only key for `algorithm`.

        Raises:
            KeysUnavailable: where the URL has never answered with keys.
        """
        found = self._known(algorithm, key_id)
        if found is None or (self._is_old() and not self._fetching.locked()):
            # A request with an unknown key waits for the fetch under way, which may bring the key.
            async with self._fetching:
                if self._is_old() or self._known(algorithm, key_id) is None:
                    await self._refresh()
            found = self._known(algorithm, key_id)
        if self._keys is None:
            raise KeysUnavailable("the identity provider's keys cannot be read at the moment")
        return found

    def _is_old(self) -> bool:
        return self._clock() - self._fetched_at >= MAX_AGE

    def _known(self, algorithm: str, key_id: str | None) -> PublicKey | None:
        fitting = [key for key in self._keys or () if key.algorithm == algorithm]
        if key_id is None:
            return fitting[0] if len(fitting) == 1 else None
        return next((key for key in fitting if key.id == key_id), None)

    async def _refresh(self) -> None:
        if self._clock() - self._tried_at < MIN_INTERVAL:
            return
        self._tried_at = self._clock()
        # Shielded: all waiting requests share this fetch, and a client that leaves must not end it.
        with trio.move_on_after(FETCH_TIMEOUT, shield=True):
            try:
                self._keys = parse_keys(await self._fetch())
                self._fetched_at = self._clock()
            except (httpx.HTTPError, httpx.InvalidURL, msgspec.DecodeError) as error:
                structlog.get_logger().warning("jwks_not_read", url=self._url, error=str(error))

    async def _fetch(self) -> bytes:
        async with httpx.AsyncClient(timeout=FETCH_TIMEOUT) as client:
            response = await client.get(self._url)
            return response.raise_for_status().content


class _KeySet(Struct, frozen=True):
    keys: list[dict[str, object]]


def parse_keys(document: bytes) -> tuple[PublicKey, ...]:
    """The keys of a JWKS document for signatures by RS256 or ES256; other keys are left out.

    Raises:
        msgspec.DecodeError: where the document is not a JWKS document.
    """
    keys = msgspec.json.decode(document, type=_KeySet).keys
    return tuple(key for key in map(_public_key, keys) if key is not None)


def _public_key(found: Mapping[str, object]) -> PublicKey | None:
    algorithm = _algorithm(found)
    if algorithm is None or found.get("use", "sig") != "sig":
        return None
    try:
        key = jwt.PyJWK(dict(found), algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    if algorithm == "RS256" and key.key_size < MIN_RSA_BITS:
        return None
    key_id = found.get("kid")
    return PublicKey(key_id if isinstance(key_id, str) else None, algorithm, key)


def _algorithm(found: Mapping[str, object]) -> ProviderAlgorithm | None:
    algorithm: ProviderAlgorithm
    match found:
        case {"kty": "RSA"}:
            algorithm = "RS256"
        case {"kty": "EC", "crv": "P-256"}:
            algorithm = "ES256"
        case _:
            return None
    return algorithm if found.get("alg", algorithm) == algorithm else None
