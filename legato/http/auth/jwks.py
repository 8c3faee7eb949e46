"""The public keys of an identity provider, fetched from a JWKS URL and kept."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import jwt
import msgspec
from msgspec import Struct

from legato.http.auth.kept_document import KeptDocument
from legato.http.auth.tokens import KeysUnavailable, ProviderAlgorithm

MIN_RSA_BITS: Final = 2048  # RFC 7518, 3.3


class PublicKey(Struct, frozen=True):
    """A key, and the only algorithm that the key's kind allows."""

    id: str | None
    algorithm: ProviderAlgorithm
    key: Any  # of `cryptography`


class PublicKeys:
    """Known keys are answered from memory, and stay good while the URL does not answer."""

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._document = KeptDocument(url, parse_keys, event="jwks_not_read", clock=clock)

    async def find(self, algorithm: str, key_id: str | None) -> PublicKey | None:
        """The key of that id, or, where the token names no id, the only key for `algorithm`.

        Raises:
            KeysUnavailable: where the URL has never answered with keys.
        """
        keys = await self._document.read(lambda keys: _among(keys, algorithm, key_id) is not None)
        if keys is None:
            raise KeysUnavailable("the identity provider's keys cannot be read at the moment")
        return _among(keys, algorithm, key_id)


def _among(keys: Sequence[PublicKey], algorithm: str, key_id: str | None) -> PublicKey | None:
    fitting = [key for key in keys if key.algorithm == algorithm]
    if key_id is None:
        return fitting[0] if len(fitting) == 1 else None
    return next((key for key in fitting if key.id == key_id), None)


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
