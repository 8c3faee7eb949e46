"""One-time login tokens: how a browser that has no JWT comes by a session."""

import hashlib
import hmac
import secrets
from collections import deque
from typing import Final

from msgspec import Struct

LOGIN_SECONDS: Final = 600.0
MAX_OPEN_LOGINS: Final = 100  # the oldest goes first; nobody opens a hundred pages in ten minutes


class _Login(Struct, frozen=True):
    digest: bytes
    user: str
    expires_at: float


class Logins:
    """Tokens that were given out and not yet used.  Only their hashes are kept."""

    def __init__(self) -> None:
        self._open: deque[_Login] = deque(maxlen=MAX_OPEN_LOGINS)

    def issue(self, user: str, now: float) -> str:
        """A token that logs `user` in once, until LOGIN_SECONDS after `now` (any clock's)."""
        token = secrets.token_urlsafe(32)
        self._open.append(_Login(_digest(token), user, now + LOGIN_SECONDS))
        return token

    def redeem(self, token: str, now: float) -> str | None:
        """Whom it logs in, and from then on nobody; None where it is no good."""
        digest = _digest(token)
        found = [login for login in self._open if hmac.compare_digest(login.digest, digest)]
        for login in found:
            self._open.remove(login)
        return next((login.user for login in found if now < login.expires_at), None)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
