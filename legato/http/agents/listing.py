"""Lists of agents, the configured agents first."""

from collections.abc import Mapping, Sequence
from typing import Final

from legato.agents.catalogue import Catalogue, ConfiguredAgent
from legato.agents.permissions import principals_of
from legato.http.agents.bodies import AgentsQuery
from legato.http.agents.replies import (
    AgentListed,
    AgentsReply,
    CategoryReply,
    Portrayer,
    configured_listed,
)
from legato.storage.contracts.agents import VIEW, AgentPage, AgentQuery
from legato.storage.paging import Position, decode_cursor, encode_cursor

ALL: Final = 1000
"""Agents on a page without a `limit`: as many as are read and written in 20 ms."""

FIRST: Final = 2**62
"""The time in the cursor of a configured agent, after all times: a list begins with the newest."""

LABELS: Final[Mapping[str, str]] = {
    "general": "General",
    "hr": "Human Resources",
    "rd": "Research & Development",
    "finance": "Finance",
    "it": "IT",
    "sales": "Sales",
    "aftersales": "After Sales",
}
"""LibreChat's own categories; an agent may also have a different category."""


async def page_of(
    catalogue: Catalogue, user: str, query: AgentsQuery, portrayer: Portrayer
) -> AgentsReply:
    """Raises InvalidCursor."""
    limit = query.limit or ALL
    position = None if query.cursor is None else decode_cursor(query.cursor)
    named = [] if query.promoted == "0" else _configured(catalogue, user, query, position)
    shown = [configured_listed(each) for each in named[:limit]]
    stored = await _stored(catalogue, user, query, position, limit - len(shown))
    after = stored.next_cursor
    if len(shown) == limit:
        more = len(named) > limit or stored.agents
        after = encode_cursor(Position(FIRST, shown[-1].id)) if more else None
    else:
        shown += [portrayer.listed(each) for each in stored.agents]
    return _reply(shown, after)


def _configured(
    catalogue: Catalogue, user: str, query: AgentsQuery, position: Position | None
) -> list[ConfiguredAgent]:
    """The agents behind the cursor, by name."""
    if query.required_permission & ~VIEW or (position and position.primary != FIRST):
        return []
    last = position.secondary if position else ""
    words = (query.search or "").casefold()
    return sorted(
        (
            each
            for each in catalogue.visible(user)
            if each.name > last
            and query.category in (None, each.state.category)
            and words in f"{each.state.name}\n{each.state.description}".casefold()
        ),
        key=lambda each: each.name,
    )


async def _stored(
    catalogue: Catalogue, user: str, query: AgentsQuery, position: Position | None, room: int
) -> AgentPage:
    """Without room, a single agent is read: a sign of a further page."""
    if query.promoted == "1":
        return AgentPage(())
    is_behind = position is not None and position.primary != FIRST
    asked = AgentQuery(
        bits=query.required_permission or VIEW, category=query.category, search=query.search
    )
    return await catalogue.stored.page(
        principals_of(user), asked, limit=max(1, room), cursor=query.cursor if is_behind else None
    )


def _reply(shown: Sequence[AgentListed], after: str | None) -> AgentsReply:
    return AgentsReply(
        data=shown,
        first_id=shown[0].id if shown else None,
        last_id=shown[-1].id if shown else None,
        has_more=after is not None,
        after=after,
    )


async def categories_of(catalogue: Catalogue, user: str) -> list[CategoryReply]:
    """The categories with numbers of agents: `promoted` first, if not empty, and `all` last."""
    counts = dict(await catalogue.stored.categories(principals_of(user)))
    promoted = catalogue.visible(user)
    for each in promoted:
        counts[each.state.category] = counts.get(each.state.category, 0) + 1
    first = [CategoryReply("promoted", "Promoted", len(promoted))] if promoted else []
    others = sorted(counts.keys() - LABELS.keys())
    known = [CategoryReply(value, label, counts.get(value, 0)) for value, label in LABELS.items()]
    found = [CategoryReply(value, value, counts[value]) for value in others]
    return [*first, *known, *found, CategoryReply("all", "All", sum(counts.values()))]
