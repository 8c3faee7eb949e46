"""The statements of actions, built once, with named parameters."""

from typing import Any, Final

from sqlalchemy import Select, bindparam, delete, insert, select, update

from legato.storage.contracts.actions import MOST_LISTED
from legato.storage.sql.schema.tables import AGENT_ACTIONS, AGENTS
from legato.storage.sql.statements.agents import usable

_OF_AGENT: Final = AGENT_ACTIONS.c.agent_id == bindparam("of_agent")
_THE_ACTION: Final = AGENT_ACTIONS.c.action_id == bindparam("of_action")
_SECRET: Final = (
    AGENT_ACTIONS.c.key_id == bindparam("of_key"),
    AGENT_ACTIONS.c.secret == bindparam("of_secret"),
)
_LIGHT: Final = [each for each in AGENT_ACTIONS.c if each.name not in ("document", "compiled")]

ACTION: Final = select(AGENT_ACTIONS).where(_OF_AGENT, _THE_ACTION)
TOOLS: Final = select(AGENT_ACTIONS.c.action_id, AGENT_ACTIONS.c.tools).where(_OF_AGENT)
OF_AGENT: Final = (
    select(*_LIGHT, AGENT_ACTIONS.c.compiled).where(_OF_AGENT).order_by(AGENT_ACTIONS.c.action_id)
)
DOCUMENTS: Final = select(AGENT_ACTIONS.c.action_id, AGENT_ACTIONS.c.document).where(
    AGENT_ACTIONS.c.action_id.in_(bindparam("of_actions", expanding=True))
)
SEALED_OTHERWISE: Final = (
    select(AGENT_ACTIONS.c.action_id, AGENT_ACTIONS.c.key_id, AGENT_ACTIONS.c.secret)
    .where(
        AGENT_ACTIONS.c.secret.is_not(None),
        AGENT_ACTIONS.c.key_id != bindparam("of_key"),
        AGENT_ACTIONS.c.action_id > bindparam("after"),
    )
    .order_by(AGENT_ACTIONS.c.action_id)
    .limit(bindparam("at_most"))
)

ADD: Final = insert(AGENT_ACTIONS)
UPDATE: Final = update(AGENT_ACTIONS).where(_OF_AGENT, _THE_ACTION)
RESEAL: Final = update(AGENT_ACTIONS).where(_THE_ACTION, *_SECRET)
REMOVE: Final = delete(AGENT_ACTIONS).where(_OF_AGENT, _THE_ACTION)


def page_of(principals: int, *, of_one_agent: bool) -> Select[Any]:
    """Selects agents that so many principals may use; parameters as `usable_values`."""
    statement = (
        select(*_LIGHT)
        .join(AGENTS, AGENTS.c.agent_id == AGENT_ACTIONS.c.agent_id)
        .where(usable(principals))
        .order_by(AGENT_ACTIONS.c.updated_at.desc(), AGENT_ACTIONS.c.action_id)
        .limit(MOST_LISTED)
    )
    return statement.where(_OF_AGENT) if of_one_agent else statement
