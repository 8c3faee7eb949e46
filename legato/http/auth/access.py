"""Access to the paths: people by tokens everywhere, programs by API keys at OpenAI's APIs."""

from collections.abc import Mapping
from typing import Final

from legato.http.auth.api_keys import is_meant_as_key
from legato.http.auth.authenticator import Authenticator, Credentials, Unauthorized, User
from legato.http.auth.key_ring import KeyRing
from legato.http.auth.revoked import RevocationList
from legato.http.errors import RequestError
from legato.http.openai.paths import OPENAI_PATHS, is_openai
from legato.storage.contracts.keys import Scope

SCOPE_OF: Final[Mapping[str, Scope]] = {
    "chat": "chat_completions",
    "conversations": "responses",
    "models": "models",
    "responses": "responses",
}
"""The scope that a key needs, by the first part of a path in OpenAI's APIs."""


class MissingKey(RequestError):
    status = 401
    error = "Unauthorized"


class InsufficientScope(RequestError):
    status = 403
    error = "Insufficient scope"


async def user_at(
    path: str,
    credentials: Credentials,
    *,
    authenticator: Authenticator,
    key_ring: KeyRing,
    revoked: RevocationList,
) -> User:
    """The user of credentials that are good at `path`.

    Raises:
        MissingKey, Unauthorized, ForbiddenOrigin, KeysUnavailable, StorageError
        InsufficientScope: where the API key is good, but lacks the scope for `path`.
    """
    token = credentials.bearer or ""
    if is_meant_as_key(token):
        return await _user_by_key(token, path, key_ring)
    if is_openai(path):
        _require_any(credentials)
    user = await authenticator.authenticate(credentials)
    revoked.check(user)
    return user


def _require_any(credentials: Credentials) -> None:
    if not credentials.bearer and credentials.session is None:
        message = "no API key: send `Authorization: Bearer <key>`, with an API key or a token"
        raise MissingKey(message, code="missing_api_key")


async def _user_by_key(secret: str, path: str, key_ring: KeyRing) -> User:
    if not is_openai(path):
        places = " and ".join(f"{place}…" for place in OPENAI_PATHS)
        raise Unauthorized(f"an API key is good at {places} only; send a token here, a JWT")
    key = await key_ring.use(secret)
    scope = scope_of(path)
    if scope is not None and scope not in key.scopes:
        found = ", ".join(key.scopes)
        message = f"this needs an API key with the scope {scope}; this one's scopes: {found}"
        raise InsufficientScope(message, code="insufficient_scope")
    return User(key.user)


def scope_of(path: str) -> Scope | None:
    """The scope that a key needs at `path` of OpenAI's APIs; None where the path is unknown."""
    place = next(path.removeprefix(each) for each in OPENAI_PATHS if path.startswith(each))
    return SCOPE_OF.get(place.partition("/")[0])
