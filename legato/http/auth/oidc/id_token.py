"""The checks of an ID token, and the user in an ID token.  No check asks anybody."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

import msgspec
from msgspec import Struct

from legato.config import OidcSettings
from legato.http.auth.oidc.errors import LoginFailed, NotAllowed, UnusableReply
from legato.http.auth.tokens import LEEWAY, MAX_USER_LENGTH, Instant, is_user_id

EMAIL: Final = "email"


class IdClaims(Struct, frozen=True):
    """The claims of every ID token by OpenID Connect, and the further claims with a check."""

    iss: str
    sub: str
    aud: str | list[str]
    exp: Instant
    iat: Instant
    nonce: str | None = None
    azp: str | None = None
    at_hash: str | None = None

    @property
    def audiences(self) -> Sequence[str]:
        return [self.aud] if isinstance(self.aud, str) else self.aud


def check_claims(
    claims: IdClaims, *, issuer: str, client_id: str, nonce: str, access_token: str | None
) -> None:
    """Whether the ID token was made by `issuer` for this server, and for this login.

    Raises:
        UnusableReply: for a token of a different issuer, audience, login or access token.
    """
    if claims.iss != issuer:
        raise UnusableReply(f"the ID token is by another issuer (`iss`), not by {issuer}")
    if client_id not in claims.audiences:
        raise UnusableReply("the ID token was made for another application (`aud`)")
    if claims.azp != client_id and (claims.azp is not None or len(claims.audiences) > 1):
        raise UnusableReply("the ID token was issued to another application (`azp`)")
    if not hmac.compare_digest((claims.nonce or "").encode(), nonce.encode()):
        raise UnusableReply("the ID token belongs to another login (`nonce`)")
    _check_access_token(claims.at_hash, access_token)


def _check_access_token(expected: str | None, access_token: str | None) -> None:
    if expected is None or access_token is None:
        return
    if not hmac.compare_digest(expected.encode(), half_hash(access_token).encode()):
        raise UnusableReply("the ID token belongs to another access token (`at_hash`)")


def half_hash(access_token: str) -> str:
    """OpenID Connect's `at_hash`, by SHA-256, as RS256 and ES256 have it."""
    left = sha256(access_token.encode()).digest()[:16]
    return urlsafe_b64encode(left).rstrip(b"=").decode()


def check_times(claims: IdClaims, now: float) -> None:
    """Whether the ID token is good at `now`, in seconds since 1970.

    Raises:
        LoginFailed: for an expired token.
        UnusableReply: for a token from the future: a clock is wrong.
    """
    if now >= claims.exp + LEEWAY:
        raise LoginFailed(
            "the ID token had expired when it came. If this happens again, compare the clocks of"
            " this server and of the login provider"
        )
    if now < claims.iat - LEEWAY:
        raise UnusableReply(
            f"the ID token was issued {claims.iat - now:.0f} s in the future: the clocks of this"
            " server and of the login provider differ"
        )


def user_in(claims: Mapping[str, Any], settings: OidcSettings) -> str:
    """The user's id, of a person whom the settings let in.

    Raises:
        UnusableReply: where the user's claim is missing, or cannot be an id.
        NotAllowed: for a foreign domain or group, and for an address without verification.
    """
    _check_domain(claims, settings.allowed_domains)
    _check_groups(claims.get(settings.groups_claim), settings.allowed_groups)
    if settings.user_claim == EMAIL:
        _require_verified(claims)
    user = claims.get(settings.user_claim)
    if not (isinstance(user, str) and is_user_id(user)):
        raise UnusableReply(
            f"the ID token names no user: its claim `{settings.user_claim}` must be text of 1 to"
            f" {MAX_USER_LENGTH} printable characters"
        )
    return user


def _check_domain(claims: Mapping[str, Any], allowed: Sequence[str] | None) -> None:
    if allowed is None:
        return
    _require_verified(claims)
    _, _, domain = str(claims.get(EMAIL, "")).rpartition("@")
    if domain.lower() not in allowed:
        raise NotAllowed(f"only people with an address at {' or '.join(allowed)} may log in here")


def _require_verified(claims: Mapping[str, Any]) -> None:
    # An address without verification may be anybody's: to type the address in would be enough.
    if claims.get("email_verified") is not True:
        raise NotAllowed(
            "the login provider does not say that your e-mail address was verified"
            " (`email_verified`)"
        )


def _check_groups(found: object, allowed: Sequence[str] | None) -> None:
    if allowed is None:
        return
    groups = found if isinstance(found, list) else [found]
    if not any(group in allowed for group in groups if isinstance(group, str)):
        raise NotAllowed(f"only members of {' or '.join(allowed)} may log in here")


def claims_in(payload: bytes) -> tuple[IdClaims, Mapping[str, Any]]:
    """The checked claims of a payload in JSON, and all claims.

    Raises:
        UnusableReply: where a claim is missing or malformed.
    """
    try:
        return (
            msgspec.json.decode(payload, type=IdClaims),
            msgspec.json.decode(payload, type=dict[str, Any]),
        )
    except (msgspec.DecodeError, RecursionError) as error:
        raise UnusableReply(f"the ID token's claims cannot be used: {error}") from None
