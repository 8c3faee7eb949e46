"""API keys: the form of a key, and the minting."""

import hashlib
import re
import secrets
from datetime import datetime, timedelta
from typing import Final, NamedTuple, get_args

from ulid import ULID

from legato.storage.contracts.keys import ApiKey, Scope

SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)

MAX_NAME: Final = 100  # characters
PREFIX: Final = 8  # characters that are shown: five of the 64 secret digits

_MARK: Final = "sk-"
_FORM: Final = re.compile(r"sk-[0-9a-f]{64}")


class Minted(NamedTuple):
    """A new key.  `secret` is shown to the user once, and is kept nowhere."""

    secret: str
    key: ApiKey


def mint(
    user: str,
    name: str,
    *,
    now: datetime,
    expires_at: datetime | None = None,
    scopes: tuple[Scope, ...] = SCOPES,
) -> Minted:
    secret = _MARK + secrets.token_hex(32)
    key = ApiKey(
        id=str(ULID.from_datetime(now)),
        user=user,
        name=name,
        digest=digest_of(secret),
        prefix=secret[:PREFIX],
        scopes=scopes,
        created_at=now,
        expires_at=expires_at,
    )
    return Minted(secret, key)


def default_expiry(lifetime: float | None, now: datetime) -> datetime | None:
    """The expiry of a key made `now`, where the request names no other time; None: never."""
    return None if lifetime is None else now + timedelta(seconds=lifetime)


def is_key_name(text: str) -> bool:
    """1 to 100 printable characters, and not only spaces."""
    return len(text) <= MAX_NAME and text.isprintable() and not text.isspace() and text != ""


def digest_of(secret: str) -> str:
    # One round is enough: nobody guesses 256 random bits, however fast.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def is_meant_as_key(token: str) -> bool:
    """Whether a bearer token is meant as an API key, good or not, and not as a JWT."""
    return token.startswith(_MARK)


def is_key(token: str) -> bool:
    """Whether `token` has the form of our API keys."""
    return _FORM.fullmatch(token) is not None
