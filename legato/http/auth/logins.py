"""One-time login tokens, which give a browser without a JWT a session."""

import hashlib
import hmac
import secrets
from collections import deque
from typing import Final

from msgspec import Struct

from legato.http.auth.tokens import Unauthorized

LOGIN_SECONDS: Final = 600.0
MAX_OPEN_LOGINS: Final = 100  # the oldest goes first; nobody opens a hundred pages in ten minutes


class _Login(Struct):
    digest: bytes
    user: str
    expires_at: float
    is_used: bool = False


class Logins:
    """Login tokens, as hashes.  Used tokens are kept, too, to tell a person why one is refused."""

    def __init__(self) -> None:
        self._given: deque[_Login] = deque(maxlen=MAX_OPEN_LOGINS)

    def issue(self, user: str, now: float) -> str:
        """A token that logs `user` in once, until LOGIN_SECONDS after `now` (any clock's)."""
        token = secrets.token_urlsafe(32)
        self._given.append(_Login(_digest(token), user, now + LOGIN_SECONDS))
        return token

    def look(self, token: str, now: float) -> str | None:
        """The user whom `token` would log in; None where the token is unknown here.

        Raises:
            Unauthorized: where the token was used, or has expired.
        """
        login = self._find(token, now)
        return None if login is None else login.user

    def redeem(self, token: str, now: float) -> str | None:
        """The user, as `look`; uses the token up."""
        login = self._find(token, now)
        if login is None:
            return None
        login.is_used = True
        return login.user

    def _find(self, token: str, now: float) -> _Login | None:
        digest = _digest(token)
        found = [login for login in self._given if hmac.compare_digest(login.digest, digest)]
        for login in found:
            if login.is_used:
                raise Unauthorized("This login link was used already: it works once.")
            if now >= login.expires_at:
                raise Unauthorized("This login link has expired: it was good for ten minutes.")
        return found[0] if found else None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
