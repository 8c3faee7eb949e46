"""The pictures of agents: sent as a form's file, kept in the database, shown to viewers."""

import hashlib
from typing import Final

from quart import Blueprint, Response, request
from quart_schema import tag_blueprint

from legato.agents.errors import InvalidAgent, NoSuchAgent
from legato.http.agents.access import agent_for
from legato.http.agents.images import NoImage, image_of
from legato.http.agents.replies import AgentReply
from legato.http.agents.routes import portrayer
from legato.http.errors import NotFound, TooLarge
from legato.http.input.parts import file_of
from legato.http.openapi import FileForm, describe
from legato.http.request_context import reply, runtime
from legato.storage.contracts.agents import EDIT, VIEW, Avatar

avatars = Blueprint("avatars", __name__, url_prefix="/api")
tag_blueprint(avatars, ["agents"])

MOST_BYTES: Final = 2 * 1024 * 1024
"""As LibreChat's page allows by default."""

FIELD: Final = "file"

# A browser may open a picture as a page, which then runs and loads nothing.
POLICY: Final = "default-src 'none'; sandbox"


@avatars.post("/files/images/agents/<agent_id>/avatar")
@describe(AgentReply, 201, body=FileForm, refusals=(400, 403, 404, 413, 415, 503))
async def put(agent_id: str) -> Response:
    """Give an agent a picture: the field `file` of a form of several parts.

    PNG, JPEG or WebP by content, of 2 MiB and 4096 x 4096 pixels at most.
    """
    await agent_for(agent_id, EDIT)
    data = await _file()
    try:
        media_type = image_of(data).media_type
    except NoImage as error:
        raise InvalidAgent(FIELD, str(error)) from None
    avatar = Avatar(media_type, data, hashlib.sha256(data).hexdigest())
    kept = await runtime().records.agents.set_avatar(agent_id, avatar)
    if kept is None:
        raise NoSuchAgent
    return reply(portrayer().whole(kept), 201)


async def _file() -> bytes:
    """Raises UnsupportedBody, InvalidField, TooLarge."""
    data = await file_of(FIELD)
    if len(data) > MOST_BYTES:
        raise TooLarge(f"{FIELD}: found {len(data)} bytes; {MOST_BYTES} are allowed", param=FIELD)
    return data


@avatars.get("/agents/<agent:agent_id>/avatar")
@describe(bytes, refusals=(403, 404, 503))
async def get(agent_id: str) -> Response:
    """The picture of an agent, as sent."""
    await agent_for(agent_id, VIEW)
    avatar = await runtime().records.agents.avatar(agent_id)
    if avatar is None:
        raise NotFound("The agent has no picture.")
    response = Response(avatar.data, mimetype=avatar.media_type)
    response.headers["Content-Security-Policy"] = POLICY
    # The URL has the digest, and a new picture a new URL.
    response.headers["Cache-Control"] = "private, max-age=86400, immutable"
    response.set_etag(avatar.digest)
    return await response.make_conditional(request)
