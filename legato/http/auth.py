"""Who is asking: a bearer token, or the page's session cookie from the page's own origin."""

import hmac
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Final, get_args

from msgspec import Struct

from legato.http.jwks import Algorithm, KeysUnavailable, PublicKeys
from legato.http.tokens import (
    OWN_ALGORITHM,
    Claims,
    Unauthorized,
    User,
    read_header,
    sign,
    signed,
    user_of,
    verify,
)

__all__ = [
    "SESSION_COOKIE",
    "SESSION_SECONDS",
    "Authenticator",
    "Credentials",
    "ForbiddenOrigin",
    "KeysUnavailable",
    "PublicKeys",
    "Unauthorized",
    "User",
    "session_cookie",
]

SESSION_COOKIE: Final = "legato_session"
KNOWN_TOKENS: Final = 1024  # whose signatures were looked at, the last that came
SESSION_SECONDS: Final = 12 * 3600  # a working day; then the page asks for a new login

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


class ForbiddenOrigin(Exception):
    """A cookie came with a request that another site's page may have made."""


class Credentials(Struct, frozen=True, kw_only=True):
    """What a request says about who makes it.  Absent headers are None."""

    method: str
    own_origin: str  # scheme://host[:port] of the URL that was asked for
    authorization: str | None = None
    session: str | None = None  # the cookie's value
    origin: str | None = None

    @property
    def bearer(self) -> str | None:
        """The bearer token; None where none was sent, or something of another scheme."""
        return bearer_of(self.authorization or "")


def bearer_of(authorization: str) -> str | None:
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


class Authenticator:
    """Judges tokens: ours by the secret, an identity provider's by its public keys.

    The session cookie is signed with a key of its own, derived from the secret, so that
    neither kind of token is ever good as the other.
    """

    def __init__(
        self, secret: str, keys: PublicKeys | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        """`clock` gives seconds since 1970."""
        self._secret = secret
        self._session_key = hmac.digest(secret.encode(), b"legato session", "sha256")
        self._keys = keys
        self._clock = clock
        # A signature that was good stays good, and to look again is a tenth of a request.
        self._own = lru_cache(KNOWN_TOKENS)(self._signed)

    async def authenticate(self, credentials: Credentials) -> User:
        """The user.  A bearer token wins over the cookie.

        Raises:
            Unauthorized: without a token, or with one that is not good.
            ForbiddenOrigin: where only the cookie speaks for a request that changes something
                and the request's origin is not the server's own.
            KeysUnavailable: where the identity provider's keys cannot be read.
        """
        if credentials.bearer is not None:
            return await self._bearer(credentials.bearer)
        if credentials.session is None:
            raise Unauthorized("no token: send `Authorization: Bearer <token>`, or log in")
        user = verify(credentials.session, self._session_key, OWN_ALGORITHM, now=self._clock())
        _check_origin(credentials)
        return user

    async def _bearer(self, token: str) -> User:
        if claims := self._own(token):
            return user_of(claims, self._clock())
        header = read_header(token)
        accepted = (OWN_ALGORITHM, *(get_args(Algorithm) if self._keys else ()))
        if self._keys is None or header.algorithm not in accepted:
            raise Unauthorized(
                f"the token's algorithm is not accepted; here: {', '.join(accepted)}"
            )
        found = await self._keys.find(header.algorithm, header.key_id)
        if found is None:
            raise Unauthorized("the token's key is not among the identity provider's")
        return verify(token, found.key, found.algorithm, now=self._clock())

    def _signed(self, token: str) -> Claims | None:
        """What it claims; None where it is not to be judged by our secret."""
        if read_header(token).algorithm != OWN_ALGORITHM:
            return None
        return signed(token, self._secret, OWN_ALGORITHM)

    def session(self, user: str) -> str:
        """The value of a fresh session cookie, good for SESSION_SECONDS."""
        return sign(user, self._session_key, now=self._clock(), ttl=SESSION_SECONDS)


def session_cookie(value: str, *, secure: bool) -> str:
    """A Set-Cookie header; `secure` where the page came by https."""
    cookie = (
        f"{SESSION_COOKIE}={value}; Max-Age={SESSION_SECONDS}; Path=/; HttpOnly; SameSite=Strict"
    )
    return f"{cookie}; Secure" if secure else cookie


def _check_origin(credentials: Credentials) -> None:
    if credentials.method.upper() in _SAFE_METHODS:
        return
    if credentials.origin is None:
        raise ForbiddenOrigin("a request with a cookie that changes something needs an Origin")
    if _normal(credentials.origin) != _normal(credentials.own_origin):
        raise ForbiddenOrigin(
            f"Origin is {credentials.origin!r}; allowed with a cookie: {credentials.own_origin!r}"
        )


def _normal(origin: str) -> str:
    origin = origin.lower()
    return origin.removesuffix(_DEFAULT_PORTS.get(origin.partition("://")[0], "\0"))
