"""Seals the secrets of actions for the storage, and opens them for a call."""

import hmac
from functools import cached_property
from os import urandom
from typing import TYPE_CHECKING, Final

from legato.storage.contracts.actions import SealedSecret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES: Final = 12  # of AES-GCM; random nonces are good for 2**32 seals of a key

SETTING: Final = "encryption_key"
VARIABLE: Final = "LEGATO_ENCRYPTION_KEY"


class NoKey(Exception):
    """No key is configured for sealing.  The message names the setting."""

    def __init__(self) -> None:
        super().__init__(f"the server stores no secrets without the setting {SETTING} ({VARIABLE})")


class Unopenable(Exception):
    """A secret was sealed with a key that is not configured, or for another record."""

    def __init__(self) -> None:
        super().__init__(f"the secret was not sealed with the {SETTING} or the former_{SETTING}")


class _Key:
    """AES-256-GCM.  The id tells keys apart and nothing about the key."""

    def __init__(self, text: str) -> None:
        self.id: Final = hmac.digest(text.encode(), b"legato key id", "sha256").hex()[:16]
        self._key: Final = hmac.digest(text.encode(), b"legato secrets", "sha256")

    @cached_property
    def cipher(self) -> "AESGCM":
        """The cipher, made at the first use: no server's start has to wait for the import."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._key)


class SecretKeys:
    """The current key seals and opens; a former key opens until all secrets are sealed anew.

    A secret is bound to the id of the record: copied to another record, the secret stays closed.
    """

    def __init__(self, current: str | None, former: str | None = None) -> None:
        """`current` and `former`: texts of the configuration, of 32 bytes or more."""
        keys = [_Key(text) for text in (current, former) if text is not None]
        self._current = keys[0] if current is not None else None
        self._keys = {key.id: key for key in keys}

    @property
    def current_id(self) -> str:
        """Raises NoKey."""
        return self._sealing().id

    def seal(self, secret: str, record_id: str) -> SealedSecret:
        """Raises NoKey."""
        key, nonce = self._sealing(), urandom(NONCE_BYTES)
        data = key.cipher.encrypt(nonce, secret.encode(), record_id.encode())
        return SealedSecret(key.id, nonce + data)

    def open(self, sealed: SealedSecret, record_id: str) -> str:
        """Raises Unopenable."""
        from cryptography.exceptions import InvalidTag

        key = self._keys.get(sealed.key_id)
        if key is None:
            raise Unopenable
        nonce, data = sealed.data[:NONCE_BYTES], sealed.data[NONCE_BYTES:]
        try:
            return key.cipher.decrypt(nonce, data, record_id.encode()).decode()
        except (ValueError, InvalidTag):
            raise Unopenable from None

    def _sealing(self) -> _Key:
        if self._current is None:
            raise NoKey
        return self._current
