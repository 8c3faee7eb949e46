"""Authentication of a user: by bearer token, or by the page's session cookie.

The session cookie counts only from the page's own origin.
"""

import hmac
import re
import secrets
import time
from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final, get_args

from msgspec import Struct
from msgspec.structs import replace

from legato.http.auth.tokens import (
    OWN_ALGORITHM,
    Claims,
    Expected,
    Header,
    KeysUnavailable,
    ProviderAlgorithm,
    Unauthorized,
    User,
    read_header,
    require_access_token,
    require_expected,
    sign,
    signed,
    user_of,
)

if TYPE_CHECKING:
    from legato.http.auth.jwks import PublicKeys

__all__ = [
    "SESSION_COOKIE",
    "SESSION_SECONDS",
    "Authenticator",
    "Credentials",
    "ForbiddenOrigin",
    "KeysUnavailable",
    "Unauthorized",
    "User",
    "session_cookie",
]

SESSION_COOKIE: Final = "legato_session"
KNOWN_TOKENS: Final = 1024  # the last tokens whose signatures were verified
SESSION_SECONDS: Final = 12 * 3600  # a working day; then the page asks for a new login

_SESSION: Final = re.compile(rf'(?:^|;)[ \t]*{SESSION_COOKIE}="?([^;"]*)')
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


class ForbiddenOrigin(Exception):
    """A request with a cookie that may come from another site's page."""


class Credentials(Struct, frozen=True, kw_only=True, dict=True):
    """The headers by which a request names the user.  Absent headers are None."""

    method: str
    own_origin: str  # scheme://host[:port] of the request's URL; empty without an `origin`
    authorization: str | None = None
    session: str | None = None  # the cookie's value
    origin: str | None = None

    @cached_property
    def bearer(self) -> str | None:
        """The bearer token; None without the header, or where the header has another scheme."""
        return bearer_of(self.authorization or "")


def bearer_of(authorization: str) -> str | None:
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


class Authenticator:
    """Judges tokens: our own by the secret, an identity provider's by the provider's public keys.

    The session cookie is signed with a separate key, derived from the secret, so a session
    cookie is never good as a bearer token, nor a bearer token as a session cookie.
    """

    def __init__(
        self,
        secret: str,
        keys: "PublicKeys | None" = None,
        *,
        expected: Expected | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`expected` is required of all bearer tokens; `clock` gives seconds since 1970."""
        self._secret = secret
        self._session_key = hmac.digest(secret.encode(), b"legato session", "sha256")
        self._keys = keys
        self._expected = expected or Expected()
        self._clock = clock
        # A good signature stays good, and a second verification would cost a tenth of a request.
        self._own = lru_cache(KNOWN_TOKENS)(self._signed)

    async def authenticate(self, credentials: Credentials) -> User:
        """The user.  A bearer token wins over the cookie.

        Raises:
            Unauthorized: without a token, or with a bad token.
            ForbiddenOrigin: where a request that changes something has only the cookie, and the
                request's origin is not the server's own.
            KeysUnavailable: where the identity provider's keys cannot be read.
        """
        if credentials.bearer is not None:
            return await self.bearer(credentials.bearer)
        if credentials.session is None:
            raise Unauthorized("no token: send `Authorization: Bearer <token>`, or log in")
        user = self.in_session(credentials.session)
        if credentials.method.upper() not in _SAFE_METHODS:
            check_origin(credentials)
        return user

    def in_session(self, session: str) -> User:
        """The user of the session in a cookie's value.  Raises Unauthorized for a bad value."""
        claims = signed(session, self._session_key, OWN_ALGORITHM)
        return replace(user_of(claims, self._clock()), session=str(claims.jti))

    async def bearer(self, token: str) -> User:
        """The user of a bearer token.

        Raises:
            Unauthorized, KeysUnavailable
        """
        claims = self._own(token) or await self._by_provider(token)
        return user_of(claims, self._clock())

    async def _by_provider(self, token: str) -> Claims:
        header = read_header(token)
        accepted = (OWN_ALGORITHM, *(get_args(ProviderAlgorithm) if self._keys else ()))
        if self._keys is None or header.algorithm not in accepted:
            raise Unauthorized(
                f"the token's algorithm is not accepted; here: {', '.join(accepted)}"
            )
        found = await self._keys.find(header.algorithm, header.key_id)
        if found is None:
            raise Unauthorized("the token's key is not among the identity provider's")
        return self._admitted(header, signed(token, found.key, found.algorithm))

    def _signed(self, token: str) -> Claims | None:
        """The claims of a token signed with our secret; None for a token of another algorithm."""
        header = read_header(token)
        if header.algorithm != OWN_ALGORITHM:
            return None
        return self._admitted(header, signed(token, self._secret, OWN_ALGORITHM))

    def _admitted(self, header: Header, claims: Claims) -> Claims:
        require_access_token(header, claims)
        require_expected(claims, self._expected)
        return claims

    def session(self, user: str, until: float | None = None) -> str:
        """The value of a fresh session cookie, good for `session_seconds`."""
        # With fractions, so a session that begins in the second of a revocation begins afterwards.
        now, ttl = self._clock(), self.session_seconds(until)
        return sign(user, self._session_key, now=now, ttl=ttl, iat=now, jti=secrets.token_hex(16))

    def session_seconds(self, until: float | None = None) -> int:
        """The longest time for a session: a working day, and never beyond the login token's end.

        `until` is the token's end, in seconds since 1970; None for a one-time token.
        """
        left = SESSION_SECONDS if until is None else int(until - self._clock())
        return max(0, min(SESSION_SECONDS, left))


def session_cookie(value: str, seconds: int, *, secure: bool, path: str = "/") -> str:
    """A Set-Cookie header; `secure` where the page came by https.  0 seconds delete the cookie."""
    cookie = f"{SESSION_COOKIE}={value}; Max-Age={seconds}; Path={path}; HttpOnly; SameSite=Strict"
    return f"{cookie}; Secure" if secure else cookie


def session_in(cookies: Iterable[str]) -> str | None:
    """The session cookie's value in Cookie headers; the first of several counts.

    A head has room for thousands of cookies, and to read every cookie takes long.
    """
    for header in cookies:
        if found := _SESSION.search(header):
            return found[1]
    return None


def check_origin(credentials: Credentials) -> None:
    """Raises ForbiddenOrigin where the request may come from another site's page."""
    if credentials.origin is None:
        raise ForbiddenOrigin("a request with a cookie that changes something needs an Origin")
    if _normal(credentials.origin) != _normal(credentials.own_origin):
        raise ForbiddenOrigin(
            f"Origin is {credentials.origin!r}; allowed with a cookie: {credentials.own_origin!r}"
        )


def _normal(origin: str) -> str:
    origin = origin.lower()
    return origin.removesuffix(_DEFAULT_PORTS.get(origin.partition("://")[0], "\0"))
