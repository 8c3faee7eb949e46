"""One-time login tokens: how a browser that has no JWT comes by a session."""

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
    """Tokens that were given out, the used ones too, to say so.  Only their hashes are kept."""

    def __init__(self) -> None:
        self._given: deque[_Login] = deque(maxlen=MAX_OPEN_LOGINS)

    def issue(self, user: str, now: float) -> str:
        """A token that logs `user` in once, until LOGIN_SECONDS after `now` (any clock's)."""
        token = secrets.token_urlsafe(32)
        self._given.append(_Login(_digest(token), user, now + LOGIN_SECONDS))
        return token

    def look(self, token: str, now: float) -> str | None:
        """Whom it would log in; None where it is none that is known here.

        Raises:
            Unauthorized: where it was used, or has expired.
        """
        login = self._find(token, now)
        return None if login is None else login.user

    def redeem(self, token: str, now: float) -> str | None:
        """Whom it logs in, and from then on nobody; else as `look`."""
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
