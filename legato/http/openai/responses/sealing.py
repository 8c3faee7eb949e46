"""Sealed summaries, which a client keeps for us and only the same user can use."""

import hmac
from base64 import b64decode, urlsafe_b64encode
from functools import cached_property
from os import urandom
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES: Final = 12  # of AES-GCM; random nonces are good for 2**32 seals of a key


class Unsealable(Exception):
    """The text was not sealed for that user, or not with this secret."""


class Seal:
    """AES-256-GCM under a key derived from the server's secret: the same at every replica."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), b"legato compaction", "sha256")

    @cached_property
    def _cipher(self) -> "AESGCM":
        """Made at the first use, because no server's start has to wait for the import."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._key)

    def close(self, text: str, user: str) -> str:
        nonce = urandom(NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, text.encode(), user.encode())
        return urlsafe_b64encode(nonce + sealed).decode()

    def open(self, sealed: str, user: str) -> str:
        """Raises Unsealable."""
        from cryptography.exceptions import InvalidTag

        try:
            data = b64decode(sealed.encode(), altchars=b"-_", validate=True)
            opened = self._cipher.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], user.encode())
        except (ValueError, InvalidTag):
            raise Unsealable from None
        return opened.decode()
