"""JSON Web Tokens: the user that a token names, and the signing of our own tokens.

The functions that need PyJWT import PyJWT, which takes a twentieth of a server's start; right after
the start `legato.http.server.late_imports` brings the package.
"""

from collections.abc import Collection
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

LEEWAY: Final = 10.0
"""Seconds by which two machines' clocks may differ."""

OWN_ALGORITHM: Final = "HS256"

ProviderAlgorithm = Literal["RS256", "ES256"]

MAX_USER_LENGTH: Final = 128

ACCESS_TYPES: Final = frozenset({"jwt", "at+jwt"})
"""Allowed values of the header's `typ`, in any case of letters, and with `application/` before."""

ACCESS_CLAIMS: Final = ACCESS_TYPES | {"bearer"}
"""Allowed values of a claim `typ`, by which Keycloak marks access tokens."""

Instant = Annotated[float, Meta(ge=0, le=2**53)]  # seconds since 1970


class User(Struct, frozen=True):
    """A user whose credentials were good.

    `issued_at` and `until` are in seconds since 1970, None where the credentials do not say;
    `session` is the id of a session of the page, None where another kind of token was sent.
    """

    id: str
    issued_at: float | None = None
    until: float | None = None
    session: str | None = None


class Unauthorized(Exception):
    """No token, or a bad token.  The message is for people and repeats nothing of the token."""


class KeysUnavailable(Exception):
    """The provider's keys were never read, so no token can be judged; trying later may help."""


class Header(Struct, frozen=True):
    """A token's header, about the signature.  Nothing here may be believed."""

    algorithm: str
    key_id: str | None
    type: object = None


class Claims(Struct, frozen=True):
    exp: Instant
    nbf: Instant = 0.0
    iat: Instant | None = None
    id: object = msgspec.UNSET
    sub: object = msgspec.UNSET
    iss: object = msgspec.UNSET
    aud: object = msgspec.UNSET
    jti: object = msgspec.UNSET
    typ: object = msgspec.UNSET
    token_use: object = msgspec.UNSET
    events: object = msgspec.UNSET


class Expected(Struct, frozen=True):
    """The issuer and audience that every token must claim.  None: any value, or no claim."""

    issuer: str | None = None
    audience: str | None = None


def is_user_id(value: object) -> bool:
    """Whether `value` can name a user: 1 to 128 characters, all printable."""
    return isinstance(value, str) and 0 < len(value) <= MAX_USER_LENGTH and value.isprintable()


def sign(user: str, key: str | bytes, *, now: float, ttl: float, **more: object) -> str:
    """A token of ours that is good for `ttl` seconds from `now` (seconds since 1970).

    `more` are further claims.
    """
    import jwt

    claims = {"sub": user, "iat": int(now), "exp": int(now + ttl), **more}
    return jwt.encode(claims, key, OWN_ALGORITHM)


def read_header(token: str) -> Header:
    """The token's header, unverified.

    Raises:
        Unauthorized: where `token` is not a JWT.
    """
    import jwt

    try:
        header = jwt.get_unverified_header(token)
    # A header of brackets makes the JSON parser give up with RecursionError.
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise Unauthorized("the token is malformed: it is not a signed JWT") from None
    return Header(str(header.get("alg")), header.get("kid"), header.get("typ"))


def signed(token: str, key: Any, algorithm: str) -> Claims:
    """The claims of a token that was signed with `key` by `algorithm`: always the same.

    Raises:
        Unauthorized: where the signature is bad, or a claim is malformed.
    """
    return _claims(payload_of(token, key, algorithm))


def payload_of(token: str, key: Any, algorithm: str) -> bytes:
    """The payload, in JSON, of a token that was signed with `key` by `algorithm`.

    `key` is a secret for HS256, else a public key of `cryptography`.  `algorithm` must come
    from the key, never from the token, or a public key could be used as an HS256 secret.

    Raises:
        Unauthorized: where the signature is bad.
    """
    import jwt

    try:
        payload: bytes = jwt.PyJWS().decode(token, key, algorithms=[algorithm])
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise Unauthorized("the token's signature is not good here") from None
    return payload


def _claims(payload: bytes) -> Claims:
    # PyJWT's own checks would take a boolean for a time and fail on infinity.
    try:
        return msgspec.json.decode(payload, type=Claims)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unauthorized(f"the token's claims cannot be used: {error}") from None


def require_access_token(header: Header, claims: Claims) -> None:
    """Only access tokens let a user in, though a provider signs other tokens with the same keys.

    Raises:
        Unauthorized: for a refresh token, a logout token, an id token, or a security event.
    """
    if not _names(header.type, None, ACCESS_TYPES):
        raise Unauthorized("the token is no access token: `typ` must be absent, JWT or at+jwt")
    if not _names(claims.typ, msgspec.UNSET, ACCESS_CLAIMS):
        raise Unauthorized("the token is no access token: its claim `typ` names another kind")
    if claims.token_use not in (msgspec.UNSET, "access"):
        raise Unauthorized("the token is no access token: its claim `token_use` must be access")
    if claims.events is not msgspec.UNSET:
        raise Unauthorized("the token is no access token: it tells of `events`")


def _names(found: object, absent: object, allowed: Collection[str]) -> bool:
    if not isinstance(found, str):
        return found is absent
    return found.lower().removeprefix("application/") in allowed


def require_expected(claims: Claims, expected: Expected) -> None:
    """Raises Unauthorized for a token of another issuer, or for another audience."""
    if expected.issuer not in (None, claims.iss):
        raise Unauthorized("the token is not by the issuer whose tokens are good here (`iss`)")
    audiences = claims.aud if isinstance(claims.aud, list) else [claims.aud]
    if expected.audience not in (None, *audiences):
        raise Unauthorized("the token was not made for this server (`aud`)")


def user_of(claims: Claims, now: float) -> User:
    """The user in claims that are good at `now`.

    Raises:
        Unauthorized: where the token has expired, is not good yet, or names no user.
    """
    if now >= claims.exp + LEEWAY:
        raise Unauthorized("the token has expired")
    if now < max(claims.nbf, claims.iat or 0.0) - LEEWAY:
        raise Unauthorized("the token is not good yet")
    user = claims.sub if claims.id is msgspec.UNSET else claims.id
    if not (isinstance(user, str) and is_user_id(user)):
        raise Unauthorized(
            "the token names no user: `id` or `sub` must be "
            f"text of 1 to {MAX_USER_LENGTH} printable characters"
        )
    return User(user, claims.iat, claims.exp)
