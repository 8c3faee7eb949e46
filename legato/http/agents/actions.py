"""The routes of actions: OpenAPI documents that users keep for their agents."""

import re
from typing import Final

from quart import Blueprint, Response
from quart_schema import tag_blueprint

from legato.agents.catalogue import is_stored
from legato.agents.errors import NoSuchAgent
from legato.agents.permissions import principals_of
from legato.http.agents.access import agent_for
from legato.http.agents.action_bodies import (
    ActionBody,
    ActionReply,
    ActionsQuery,
    reply_of,
)
from legato.http.agents.replies import AgentReply, MessageReply
from legato.http.agents.routes import MOST_HISTORY, agent_body_of, portrayer
from legato.http.application import application
from legato.http.errors import NotFound
from legato.http.openapi import describe
from legato.http.request_context import query_of, reply, runtime, user
from legato.storage.contracts.actions import Action
from legato.storage.contracts.agents import EDIT

actions = Blueprint("actions", __name__, url_prefix="/api/agents/actions")
tag_blueprint(actions, ["agents"])


_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


class AgentActionNotFound(NotFound):
    error = "Not Found"

    def __init__(self) -> None:
        super().__init__("The agent has no such action.", param="action_id")


@actions.get("")
@describe(list[ActionReply], query=ActionsQuery, refusals=(400, 503))
async def page() -> Response:
    """The actions of the agents that you may edit, the last changed first; without secrets.

    The newest megabyte of documents is there; further actions are without `raw_spec`.
    """
    query = query_of(ActionsQuery)
    if query.agent_id is not None and not is_stored(query.agent_id):
        return reply([])
    found = await runtime().records.actions.page(
        principals_of(user()), EDIT, agent_id=query.agent_id, most=MOST_HISTORY
    )
    return reply([reply_of(each) for each in found])


@actions.post("/<agent_id>")
@describe(tuple[AgentReply, ActionReply], body=ActionBody, refusals=(400, 403, 404, 413, 503))
async def save(agent_id: str) -> Response:
    """Make an action of an agent, or change the action `action_id`; a version of the agent follows.

    The reply is a list of two: the agent and the action.  Needs the permission to edit the agent.
    """
    await agent_for(agent_id, EDIT)
    body = await agent_body_of(ActionBody)
    former = await _action(agent_id, body.action_id) if body.action_id else None
    saved = await application().action_saving.saved(agent_id, body, former)
    kept = await runtime().records.actions.put(saved.action, user(), tools=saved.tools)
    if kept is None:
        raise NoSuchAgent
    return reply([portrayer().whole(kept[0]), reply_of(kept[1])])


@actions.delete("/<agent_id>/<action_id>")
@describe(MessageReply, refusals=(400, 403, 404, 503))
async def delete(agent_id: str, action_id: str) -> Response:
    """Delete an action with the key and the agent's tools of that action."""
    await agent_for(agent_id, EDIT)
    if not is_id(action_id):
        raise AgentActionNotFound
    if not await runtime().records.actions.remove(agent_id, action_id, user()):
        raise AgentActionNotFound
    return reply(MessageReply("Action deleted successfully"))


async def _action(agent_id: str, action_id: str) -> Action:
    """Raises AgentActionNotFound."""
    known = is_id(action_id)
    found = await runtime().records.actions.find(agent_id, action_id) if known else None
    if found is None:
        raise AgentActionNotFound
    return found


def is_id(action_id: str) -> bool:
    return _ID.fullmatch(action_id) is not None
