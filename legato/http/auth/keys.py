"""Routes for people to make and delete API keys; an API key cannot ask here."""

from datetime import UTC, datetime, timedelta
from typing import Final

from quart import Blueprint, Response
from quart_schema import tag_blueprint

from legato.http.application import application
from legato.http.auth.api_keys import MAX_NAME, SCOPES, default_expiry, is_key_name, mint
from legato.http.errors import InvalidField, NotFound, RequestError
from legato.http.input.bodies import ApiKeyBody
from legato.http.openapi import describe
from legato.http.replies import ApiKeyReply, ApiKeysReply, NewApiKeyReply
from legato.http.request_context import body_of, no_content, reply, runtime, user
from legato.storage.clock import utc_now
from legato.storage.contracts.keys import ApiKey


class TooManyKeys(RequestError):
    status = 409
    error = "Too many API keys"


keys = Blueprint("keys", __name__, url_prefix="/api/api-keys")
tag_blueprint(keys, ["API keys"])

MAX_KEYS: Final = 100
"""Keys of one user: more than anybody tells apart.  Two requests at once may make 101."""

LONGEST: Final = timedelta(days=3650)  # ten years: an expiry must be, and a calendar must hold it


@keys.post("")
@describe(NewApiKeyReply, 201, body=ApiKeyBody, refusals=(400, 409))
async def create() -> Response:
    """Make an API key.  No later reply shows the key again."""
    body = await body_of(ApiKeyBody)
    if not is_key_name(body.name):
        raise InvalidField("name", f"allowed: 1 to {MAX_NAME} printable characters")
    await _check_room()
    now = utc_now()
    secret, key = mint(
        user(),
        body.name,
        now=now,
        expires_at=_expiry(body.expires_at, now),
        scopes=tuple(scope for scope in SCOPES if scope in (body.scopes or SCOPES)),
    )
    await runtime().records.api_keys.add(key)
    return reply(NewApiKeyReply.of(key, key=secret), 201)


async def _check_room() -> None:
    """Raises TooManyKeys."""
    if len(await runtime().records.api_keys.of_user(user())) >= MAX_KEYS:
        raise TooManyKeys(f"You have {MAX_KEYS} API keys; more are not allowed.  Delete one first.")


def _expiry(given: datetime | None, now: datetime) -> datetime | None:
    if given is None:
        return default_expiry(application().settings.api_key_lifetime, now)
    if not now < given <= now + LONGEST:
        found = f"found {given.isoformat()}"
        raise InvalidField("expiresAt", f"{found}; allowed: a time to come, within ten years")
    return given.astimezone(UTC)


@keys.get("")
@describe(ApiKeysReply)
async def every() -> Response:
    """Your API keys, the oldest first."""
    found = await runtime().records.api_keys.of_user(user())
    return reply(ApiKeysReply([ApiKeyReply.of(key) for key in found]))


@keys.get("/<key_id>")
@describe(ApiKeyReply, refusals=(404,))
async def one(key_id: str) -> Response:
    """The API key of an id."""
    return reply(ApiKeyReply.of(await _key_of(key_id)))


@keys.delete("/<key_id>")
@describe(None, 204, refusals=(404,))
async def delete(key_id: str) -> Response:
    """Delete an API key: this process refuses it from now on, others within ten seconds."""
    key = await _key_of(key_id)
    await runtime().key_ring.delete(key.id)
    return no_content()


async def _key_of(key_id: str) -> ApiKey:
    """This user's key of that id; another user's key counts as absent.

    Raises:
        NotFound
    """
    key = await runtime().records.api_keys.get(key_id)
    if key is None or key.user != user():
        raise NotFound("There is no API key of that id.")
    return key
