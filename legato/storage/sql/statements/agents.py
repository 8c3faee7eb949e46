"""The statements of agents, built once, with named parameters."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Insert,
    Select,
    and_,
    bindparam,
    case,
    delete,
    exists,
    false,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from legato.storage.contracts.agents import PUBLIC, VIEW, Principal
from legato.storage.sql.schema.tables import AGENT_AVATARS, AGENT_GRANTS, AGENT_VERSIONS, AGENTS
from legato.storage.sql.upserts import insert_of

_THE_AGENT: Final = AGENTS.c.agent_id == bindparam("of_agent")
_ITS_VERSIONS: Final = AGENT_VERSIONS.c.agent_id == bindparam("of_agent")
_PRINCIPALS: Final = tuple_(AGENT_GRANTS.c.kind, AGENT_GRANTS.c.principal).in_(
    bindparam("of_principals", expanding=True)
)
_PUBLIC: Final = AGENT_GRANTS.alias("public")


def _is_public(agent_id: ColumnElement[str]) -> ColumnElement[bool]:
    return (
        exists()
        .where(
            _PUBLIC.c.agent_id == agent_id,
            _PUBLIC.c.kind == PUBLIC.kind,
            _PUBLIC.c.bits.bitwise_and(VIEW) == VIEW,
        )
        .label("is_public")
    )


_WITH_STATE: Final = select(AGENTS, AGENT_VERSIONS.c.state, _is_public(AGENTS.c.agent_id)).join(
    AGENT_VERSIONS,
    and_(
        AGENT_VERSIONS.c.agent_id == AGENTS.c.agent_id,
        AGENT_VERSIONS.c.version == AGENTS.c.version,
    ),
)
AGENT: Final = _WITH_STATE.where(_THE_AGENT)
HELD: Final = AGENT.with_for_update(of=AGENTS)
"""Until the transaction ends nobody else changes it; SQLite has one writer anyway."""

FOUND: Final = (
    _WITH_STATE.add_columns(AGENT_GRANTS.c.bits)
    .outerjoin(AGENT_GRANTS, and_(AGENT_GRANTS.c.agent_id == AGENTS.c.agent_id, _PRINCIPALS))
    .where(AGENTS.c.agent_id.in_(bindparam("of_agents", expanding=True)))
)
"""A row for each grant of these principals, and one without bits where there is none."""


@cache
def usable(principals: int) -> ColumnElement[bool]:
    """Whether a single grant of so many principals has all bits; parameters as `usable_values`.

    SQLite compares each principal by the index, but reads the whole table for a list of pairs.
    """
    of_each = [
        and_(
            AGENT_GRANTS.c.kind == bindparam(f"of_kind_{number}"),
            AGENT_GRANTS.c.principal == bindparam(f"of_principal_{number}"),
        )
        for number in range(principals)
    ]
    has_all = AGENT_GRANTS.c.bits.bitwise_and(bindparam("all_of")) == bindparam("all_of")
    granted = select(AGENT_GRANTS.c.agent_id).where(or_(false(), *of_each), has_all)
    return AGENTS.c.agent_id.in_(granted)


def usable_values(principals: Sequence[Principal], bits: int) -> dict[str, str | int]:
    values: dict[str, str | int] = {"all_of": bits}
    for number, (kind, name) in enumerate(principals):
        values |= {f"of_kind_{number}": kind, f"of_principal_{number}": name}
    return values


EVERY: Final = (
    select(
        *(AGENTS.c.agent_id, AGENTS.c.user_id, AGENTS.c.name, AGENTS.c.description),
        *(AGENTS.c.category, AGENTS.c.support_contact, AGENTS.c.updated_at, AGENTS.c.avatar),
    )
    .order_by(AGENTS.c.updated_at.desc(), AGENTS.c.agent_id)
    .limit(bindparam("at_most"))
)


def shown(page: Select[Any]) -> Select[Any]:
    """Look up only for the agents of a page whether they are public, not for all before."""
    found = page.subquery("page")
    return select(found, _is_public(found.c.agent_id)).order_by(
        found.c.updated_at.desc(), found.c.agent_id
    )


AFTER: Final[ColumnElement[bool]] = and_(
    AGENTS.c.updated_at <= bindparam("primary"),
    or_(
        AGENTS.c.updated_at < bindparam("primary"),
        AGENTS.c.agent_id > bindparam("secondary"),
    ),
)
IN_CATEGORY: Final = AGENTS.c.category == bindparam("of_category")
SEARCHED: Final = AGENTS.c.searched.contains(bindparam("text"), autoescape=False, escape="\\")
"""`text` has backslashes before what LIKE would take for more than itself."""

CATEGORIES: Final = select(AGENTS.c.category, func.count()).group_by(AGENTS.c.category)

ADD: Final = insert(AGENTS)
ADD_VERSION: Final = insert(AGENT_VERSIONS)
UPDATE: Final = update(AGENTS).where(_THE_AGENT)

STATE: Final = select(AGENT_VERSIONS.c.state).where(
    _ITS_VERSIONS, AGENT_VERSIONS.c.version == bindparam("of_version")
)
VERSIONS: Final = (
    select(
        AGENT_VERSIONS.c.version,
        AGENT_VERSIONS.c.updated_at,
        AGENT_VERSIONS.c.updated_by,
        AGENT_VERSIONS.c.size,
    )
    .where(_ITS_VERSIONS)
    .order_by(AGENT_VERSIONS.c.version)
)
STATES: Final = select(AGENT_VERSIONS.c.version, AGENT_VERSIONS.c.state).where(
    _ITS_VERSIONS, AGENT_VERSIONS.c.version >= bindparam("first")
)

GRANTS: Final = (
    select(AGENT_GRANTS)
    .where(AGENT_GRANTS.c.agent_id == bindparam("of_agent"))
    .order_by(AGENT_GRANTS.c.kind, AGENT_GRANTS.c.principal)
)
REMOVE_GRANT: Final = delete(AGENT_GRANTS).where(
    AGENT_GRANTS.c.agent_id == bindparam("of_agent"),
    AGENT_GRANTS.c.kind == bindparam("of_kind"),
    AGENT_GRANTS.c.principal == bindparam("of_principal"),
)
COUNT_GRANTS: Final = select(
    func.count(),
    func.coalesce(
        func.sum(
            case(
                (
                    and_(
                        AGENT_GRANTS.c.kind == "user",
                        AGENT_GRANTS.c.bits == bindparam("owner_bits"),
                    ),
                    1,
                ),
                else_=0,
            )
        ),
        0,
    ),
).where(AGENT_GRANTS.c.agent_id == bindparam("of_agent"))
"""How many grants there are, and how many of them make a user an owner."""

AVATAR: Final = select(AGENT_AVATARS).where(AGENT_AVATARS.c.agent_id == bindparam("of_agent"))
REMOVE_AVATAR: Final = delete(AGENT_AVATARS).where(
    AGENT_AVATARS.c.agent_id == bindparam("of_agent")
)

_OLDEST: Final = (
    select(AGENT_VERSIONS.c.version)
    .where(_ITS_VERSIONS)
    .order_by(AGENT_VERSIONS.c.version)
    .limit(bindparam("at_most"))
)
DELETE_OLDEST: Final = delete(AGENT_VERSIONS).where(
    _ITS_VERSIONS, AGENT_VERSIONS.c.version.in_(_OLDEST)
)
DELETE: Final = delete(AGENTS).where(_THE_AGENT)


def put_grant(dialect: str) -> Insert:
    """`dialect`: sqlite or postgresql."""
    insert = insert_of(dialect)
    put = insert(AGENT_GRANTS)
    return put.on_conflict_do_update(
        index_elements=["agent_id", "kind", "principal"], set_={"bits": put.excluded.bits}
    )
