"""Logins under way, each bound to a browser by a cookie.

The cookie is signed, and no server has to remember a login: the provider may lead the browser back
to any process.
"""

import hashlib
import hmac
import re
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from legato.http.auth.tokens import OWN_ALGORITHM, User

FLOW_SECONDS: Final = 600
"""Time for a person to log in at the provider, a second factor included."""

FLOW_COOKIE: Final = "legato_login_"
"""Beginning of the cookie's name; two tabs at once have two cookies."""

T = TypeVar("T", bound=Struct)

_STATE: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class Flow(Struct, frozen=True):
    """A login under way.

    `state` comes back with the browser, `nonce` in the ID token; `verifier` proves to the provider
    that nobody but this server uses the code.  `place` is the page to return to.
    """

    state: str
    nonce: str
    verifier: str
    redirect_uri: str
    place: str

    @property
    def challenge(self) -> str:
        """PKCE's code challenge, by S256."""
        return urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode()[:-1]


def new_flow(redirect_uri: str, place: str) -> Flow:
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return Flow(state, nonce, verifier, redirect_uri, place)


class Confirmation(Struct, frozen=True):
    """A user, named by the provider, before the person agrees to replace a session.

    `exp`: seconds since 1970, until which the person may agree; the signature sets it.
    """

    user: str
    exp: int = 0


class Flows:
    """Signs and reads flows, with a key of its own, derived from the server's secret."""

    def __init__(self, secret: str, *, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives seconds since 1970."""
        self._clock = clock
        self._key = hmac.digest(secret.encode(), b"legato oidc login", "sha256")

    def cookie(self, flow: Flow, *, path: str, secure: bool) -> str:
        """The Set-Cookie header to bind `flow` to the browser."""
        return _set_cookie(flow.state, self._sign(flow), FLOW_SECONDS, path=path, secure=secure)

    def find(self, cookies: Iterable[str], state: str) -> Flow | None:
        """The flow of that state; None where this browser has no such flow, or no longer.

        `cookies` are Cookie headers.
        """
        if not _STATE.fullmatch(state):
            return None
        pattern = re.compile(rf"(?:^|;)[ \t]*{_name(state)}=([A-Za-z0-9_.-]+)")
        found = (self._read(match[1], Flow) for match in map(pattern.search, cookies) if match)
        return next((flow for flow in found if flow is not None and flow.state == state), None)

    def confirmation(self, user: str) -> str:
        """A text to log `user` in, for the form on the page with the question."""
        return self._sign(Confirmation(user))

    def confirmed(self, text: str) -> User | None:
        """The user of a confirmation; None for any other text, and for an old confirmation."""
        found = self._read(text, Confirmation)
        return None if found is None else User(found.user, issued_at=found.exp - FLOW_SECONDS)

    def _sign(self, signed: Struct) -> str:
        import jwt

        claims = {**msgspec.structs.asdict(signed), "exp": int(self._clock()) + FLOW_SECONDS}
        return jwt.encode(claims, self._key, OWN_ALGORITHM)

    def _read(self, text: str, kind: type[T]) -> T | None:
        import jwt

        try:
            return msgspec.convert(jwt.decode(text, self._key, [OWN_ALGORITHM]), kind)
        except (jwt.PyJWTError, msgspec.ValidationError, ValueError):
            return None


def ended_cookie(flow: Flow, *, path: str, secure: bool) -> str:
    """The Set-Cookie header to end `flow` in the browser."""
    return _set_cookie(flow.state, "", 0, path=path, secure=secure)


def _name(state: str) -> str:
    return FLOW_COOKIE + state[:8]


def _set_cookie(state: str, value: str, seconds: int, *, path: str, secure: bool) -> str:
    # Lax: the browser comes back from the provider's site, and must bring the cookie.
    cookie = f"{_name(state)}={value}; Max-Age={seconds}; Path={path}; HttpOnly; SameSite=Lax"
    return f"{cookie}; Secure" if secure else cookie
