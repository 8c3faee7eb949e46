"""The routes of agents: create, list, read, change, duplicate, revert, delete."""

import secrets
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from msgspec import UNSET, structs
from quart import Blueprint, Response
from quart_schema import tag_blueprint

from legato.agents.catalogue import ID_PREFIX
from legato.agents.definition import ACTION_DELIMITER, Edge
from legato.agents.errors import InvalidAgent, NoSuchAgent
from legato.agents.state import AgentState, agent_of
from legato.http.agents.access import agent_for
from legato.http.agents.bodies import (
    AgentBody,
    AgentChange,
    AgentsQuery,
    RevertBody,
    changes_of,
    check_state,
    with_new_edges,
)
from legato.http.agents.listing import categories_of, page_of
from legato.http.agents.replies import (
    AgentReply,
    AgentsReply,
    AgentSummary,
    CategoryReply,
    DuplicateReply,
    MessageReply,
    Portrayer,
    configured_summary,
)
from legato.http.application import application
from legato.http.errors import InvalidField
from legato.http.openapi import describe
from legato.http.request_context import body_of, query_of, reply, runtime, user
from legato.storage.contracts.agents import DELETE, EDIT, VIEW, NoSuchVersion, StoredAgent

T = TypeVar("T")

agents = Blueprint("agents", __name__, url_prefix="/api/agents")
tag_blueprint(agents, ["agents"])

MOST_HISTORY: Final = 1024 * 1024
"""Characters of versions in one reply; to write them takes some 10 ms."""


@agents.post("")
@describe(AgentReply, 201, body=AgentBody, refusals=(400, 403, 413, 503))
async def create() -> Response:
    """Make an agent; you are the owner."""
    body = await agent_body_of(AgentBody)
    state = AgentState(**{"model": runtime().default_model, **changes_of(body)})
    return reply(portrayer().whole(await _add(new_id(), state, None)), 201)


@agents.get("")
@describe(AgentsReply, query=AgentsQuery, refusals=(400, 503))
async def page() -> Response:
    """Your usable agents: the configured agents, then the last changed first."""
    query = query_of(AgentsQuery)
    return reply(await page_of(runtime().catalogue, user(), query, portrayer()))


@agents.get("/categories")
@describe(list[CategoryReply], refusals=(503,))
async def categories() -> Response:
    """The categories, with the number of your usable agents in each."""
    return reply(await categories_of(runtime().catalogue, user()))


@agents.get("/<agent:agent_id>")
@describe(AgentSummary, refusals=(403, 404, 503))
async def one(agent_id: str) -> Response:
    """An agent without instructions.  Needs the permission to view the agent."""
    configured = runtime().catalogue.configured.get(agent_id)
    if configured is not None and configured.is_visible(user()):
        return reply(configured_summary(configured))
    return reply(portrayer().summary(await agent_for(agent_id, VIEW)))


@agents.get("/<agent:agent_id>/expanded")
@describe(AgentReply, refusals=(403, 404, 503))
async def expanded(agent_id: str) -> Response:
    """The whole agent, with all versions.  Needs the permission to edit the agent."""
    agent = await agent_for(agent_id, EDIT)
    history = await runtime().records.agents.history(agent_id, most=MOST_HISTORY)
    return reply(portrayer().whole(agent, history))


@agents.patch("/<agent:agent_id>")
@describe(AgentReply, body=AgentChange, refusals=(400, 403, 404, 413, 503))
async def change(agent_id: str) -> Response:
    """Change fields of an agent.  A version follows, unless nothing differs."""
    agent = await agent_for(agent_id, EDIT)
    body = await agent_body_of(AgentChange)
    if body.avatar not in (None, UNSET):
        raise InvalidAgent("avatar", "only null is allowed here; pictures are sent as files")
    changes = changes_of(body)
    await _check(agent_id, structs.replace(agent.state, **changes), agent.state)
    changed = await runtime().records.agents.change(agent_id, changes, user())
    if body.avatar is None and changed is not None and changed.avatar is not None:
        changed = await runtime().records.agents.set_avatar(agent_id, None)
    return reply(portrayer().whole(_there(changed)))


@agents.post("/<agent:agent_id>/revert")
@describe(AgentReply, body=RevertBody, refusals=(400, 403, 404, 413, 503))
async def revert(agent_id: str) -> Response:
    """Make a former version current; all versions stay unchanged."""
    await agent_for(agent_id, EDIT)
    version = (await agent_body_of(RevertBody)).version_index + 1
    try:
        reverted = await runtime().records.agents.revert(agent_id, version, user())
    except NoSuchVersion as error:
        raise InvalidAgent("version_index", f"{error}; the index counts from 0") from None
    return reply(portrayer().whole(_there(reverted)))


@agents.post("/<agent:agent_id>/duplicate")
@describe(DuplicateReply, 201, refusals=(400, 403, 404, 503))
async def duplicate(agent_id: str) -> Response:
    """Make a copy of an agent; you own the copy, which has no actions."""
    agent, copy_id = await agent_for(agent_id, EDIT), new_id()
    name = f"{agent.state.name} ({datetime.now(UTC):%Y-%m-%d %H:%M:%S})"[-256:]
    state = structs.replace(
        agent.state,
        name=name,
        actions=(),
        tools=tuple(each for each in agent.state.tools if ACTION_DELIMITER not in each),
        edges=tuple(_moved(edge, agent_id, copy_id) for edge in agent.state.edges),
    )
    return reply(DuplicateReply(portrayer().whole(await _add(copy_id, state, state))), 201)


@agents.delete("/<agent:agent_id>")
@describe(MessageReply, refusals=(403, 404, 503))
async def delete(agent_id: str) -> Response:
    """Delete an agent.  Running answers of the agent go on to their end."""
    await agent_for(agent_id, DELETE)
    await runtime().records.agents.delete(agent_id)
    return reply(MessageReply("Agent deleted"))


def portrayer() -> Portrayer:
    return Portrayer(user(), application().settings.base_path)


async def agent_body_of(kind: type[T]) -> T:
    """The request's body.  Raises InvalidAgent for a forbidden value."""
    try:
        return await body_of(kind)
    except InvalidField as error:
        field = str(error.extra["param"])
        raise InvalidAgent(field, str(error).removeprefix(f"{field}: ")) from None


def new_id() -> str:
    """`agent_` and 21 characters, as LibreChat's: nobody guesses 126 random bits."""
    return ID_PREFIX + secrets.token_urlsafe(16)[:21]


async def _add(agent_id: str, state: AgentState, former: AgentState | None) -> StoredAgent:
    await _check(agent_id, state, former)
    return await runtime().records.agents.add(agent_id, user(), state)


async def _check(agent_id: str, state: AgentState, former: AgentState | None) -> None:
    """Raises InvalidAgent.  Former edges were checked at their own saving."""
    catalogue = runtime().catalogue
    check_state(state, runtime().models, catalogue.most_recursion)
    await _check_tools(agent_id, state, former)
    agent = with_new_edges(agent_of(state, agent_id, 1), former)
    await catalogue.check_edges(agent, user())


async def _check_tools(agent_id: str, state: AgentState, former: AgentState | None) -> None:
    """Raises InvalidAgent for a tool that leads nowhere.  Former tools stay as they are."""
    before = former.tools if former is not None else ()
    new = [name for name in state.tools if name not in before]
    unknown = runtime().toolbox.unknown(new)
    if not unknown:
        return
    actions = await runtime().records.actions.of_agent(agent_id)
    own = {name for each in actions for name in each.tools}
    for name, reason in unknown.items():
        if name not in own:
            raise InvalidAgent(f"tools[{state.tools.index(name)}]", f"found {name!r}; {reason}")


def _moved(edge: Edge, old: str, new: str) -> Edge:
    """An edge with the duplicate's id in place of the original's."""

    def moved(ids: Any) -> Any:
        return new if ids == old else ids if isinstance(ids, str) else tuple(map(moved, ids))

    return structs.replace(edge, origin=moved(edge.origin), target=moved(edge.target))


def _there(agent: StoredAgent | None) -> StoredAgent:
    """Raises NoSuchAgent after a deletion meanwhile."""
    if agent is None:
        raise NoSuchAgent
    return agent
