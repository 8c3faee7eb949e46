"""JSON Web Tokens: who a token says its bearer is, and the signing of our own."""

from typing import Annotated, Any, Final

import jwt
import msgspec
from msgspec import Meta, Struct

LEEWAY: Final = 10.0
"""Seconds by which two machines' clocks may differ."""

OWN_ALGORITHM: Final = "HS256"

MAX_USER_LENGTH: Final = 128

Instant = Annotated[float, Meta(ge=0, le=2**53)]  # seconds since 1970


class User(Struct, frozen=True):
    """Somebody whose token was good."""

    id: str


class Unauthorized(Exception):
    """No token, or none that is good.  The message is for people and repeats nothing of it."""


class Header(Struct, frozen=True):
    """What a token says about its own signature.  Nothing here may be believed."""

    algorithm: str
    key_id: str | None


class Claims(Struct, frozen=True):
    exp: Instant
    nbf: Instant = 0.0
    id: object = msgspec.UNSET
    sub: object = msgspec.UNSET


def is_user_id(value: object) -> bool:
    """Whether `value` can name a user: 1 to 128 characters, all printable."""
    return isinstance(value, str) and 0 < len(value) <= MAX_USER_LENGTH and value.isprintable()


def sign(user: str, key: str | bytes, *, now: float, ttl: float) -> str:
    """A token of ours that is good for `ttl` seconds from `now` (seconds since 1970)."""
    claims = {"sub": user, "iat": int(now), "exp": int(now + ttl)}
    return jwt.encode(claims, key, OWN_ALGORITHM)


def read_header(token: str) -> Header:
    """The token's header, unverified.

    Raises:
        Unauthorized: where `token` is not a JWT.
    """
    try:
        header = jwt.get_unverified_header(token)
    # A header of brackets makes the JSON parser give up with RecursionError.
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise Unauthorized("the token is malformed: it is not a signed JWT") from None
    return Header(str(header.get("alg")), header.get("kid"))


def verify(token: str, key: Any, algorithm: str, *, now: float) -> User:
    """Whose token it is, if it was signed with `key` by `algorithm` and is good at `now`.

    Raises:
        Unauthorized: where it was not, has expired, is not good yet, or lacks a claim.
    """
    return user_of(signed(token, key, algorithm), now)


def signed(token: str, key: Any, algorithm: str) -> Claims:
    """What a token claims, if it was signed with `key` by `algorithm`: always the same.

    `key` is a secret for HS256, else a public key of `cryptography`.  `algorithm` must come
    from the key, never from the token: that is what keeps a public key from being a secret.

    Raises:
        Unauthorized: where it was not, or claims what cannot be.
    """
    try:
        payload = jwt.PyJWS().decode(token, key, algorithms=[algorithm])
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise Unauthorized("the token's signature is not good here") from None
    return _claims(payload)


def _claims(payload: bytes) -> Claims:
    # PyJWT's own checks would take a boolean for a time and fail on infinity.
    try:
        return msgspec.json.decode(payload, type=Claims)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unauthorized(f"the token's claims cannot be used: {error}") from None


def user_of(claims: Claims, now: float) -> User:
    """Who claims that, if it is good at `now`.

    Raises:
        Unauthorized: where it has expired, is not good yet, or names no user.
    """
    if now >= claims.exp + LEEWAY:
        raise Unauthorized("the token has expired")
    if now < claims.nbf - LEEWAY:
        raise Unauthorized("the token is not good yet")
    user = claims.sub if claims.id is msgspec.UNSET else claims.id
    if not (isinstance(user, str) and is_user_id(user)):
        raise Unauthorized(
            "the token names no user: `id` or `sub` must be "
            f"text of 1 to {MAX_USER_LENGTH} printable characters"
        )
    return User(user)
