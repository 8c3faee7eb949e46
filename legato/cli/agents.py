"""The command `legato agents`: agents in the configured storage, as tables and as files."""

import tomllib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from msgspec import json, structs, to_builtins

from legato.agents.catalogue import Catalogue, ConfiguredAgent, is_stored
from legato.agents.configured import configured_agents
from legato.agents.definition import ACTION_DELIMITER, MCP_DELIMITER
from legato.agents.errors import InvalidAgent
from legato.agents.permissions import role_with
from legato.agents.state import AgentState, agent_of
from legato.cli.toml import toml_of
from legato.config import BUILT_IN_MODEL, ConfigError, Settings
from legato.http.agents.bodies import LARGEST_STATE, AgentBody, changes_of, check_sizes
from legato.http.agents.routes import new_id
from legato.http.open import quota_of
from legato.storage.address import parse_address
from legato.storage.contracts.agents import AgentQuery, Grant, ListedAgent, StoredAgent, TooMany
from legato.storage.contracts.quotas import OverQuota
from legato.storage.open import open_records

Form = Literal["toml", "json"]

_HEADINGS: Final = ("ID", "AUTHOR", "CHANGED", "CATEGORY", "NAME")
_CONFIGURATION: Final = "(configuration)"
_PAGE: Final = 1000


async def listed(settings: Settings) -> str:
    """Return a table: the configured agents, then all stored agents, the newest first.

    Raises:
        ConfigError, StorageError: where the storage cannot be used from here.
    """
    async with _opened(settings) as catalogue:
        configured = [_configured_row(each) for each in catalogue.configured.values()]
        stored = [_row(each) async for each in _every(catalogue)]
    return "\n".join(_table([_HEADINGS, *configured, *stored]))


async def shown(settings: Settings, agent_id: str) -> str:
    """Return an agent for people: facts, permissions, and the state as JSON.

    Raises:
        ConfigError, StorageError: also for an absent agent.
    """
    async with _opened(settings) as catalogue:
        if (configured := catalogue.configured.get(agent_id)) is not None:
            users = "everybody" if configured.users is None else ", ".join(configured.users)
            facts = {"id": agent_id, "author": _CONFIGURATION, "visible": users}
            return "\n".join([*_lines(facts), _json(configured.state)])
        agent = await _find(catalogue, agent_id)
        grants = await catalogue.stored.grants(agent_id)
    facts = {
        "id": agent.id,
        "author": agent.author,
        "version": f"{agent.version} of {agent.versions}",
        "created": f"{agent.created_at:%Y-%m-%dT%H:%M:%SZ}",
        "changed": f"{agent.updated_at:%Y-%m-%dT%H:%M:%SZ} by {agent.updated_by}",
        "shared": ", ".join(map(_share, grants)),
    }
    return "\n".join([*_lines(facts), _json(agent.state)])


async def exported(settings: Settings, agent_id: str, form: Form) -> str:
    """Return an agent's current state as a file for `imported`.

    Raises:
        ConfigError, StorageError: also for an absent agent.
    """
    async with _opened(settings) as catalogue:
        configured = catalogue.configured.get(agent_id)
        state = configured.state if configured else (await _find(catalogue, agent_id)).state
    return _json(state) if form == "json" else toml_of(to_builtins(state)).rstrip("\n")


async def imported(settings: Settings, file: Path, user: str, agent_id: str | None) -> str:
    """Make an agent of a file, owned by `user`, or change the agent `agent_id`; return the id.

    Raises:
        ConfigError, StorageError: also where the file is no agent.
    """
    body = _read(file)
    async with _opened(settings) as catalogue:
        former = None if agent_id is None else (await _find(catalogue, agent_id)).state
        default = AgentState(model=_default(settings))
        state = structs.replace(former or default, **changes_of(body))
        try:
            check_sizes(state, catalogue.models, catalogue.most_recursion)
            _check_tools(state, former, settings)
            agent = agent_of(state, agent_id or new_id(), 1)
            await catalogue.check_edges(agent, user)
            if former is None:
                await catalogue.stored.add(agent.id, user, state)
            else:
                await catalogue.stored.change(agent.id, structs.asdict(state), user)
        except InvalidAgent as error:
            raise ConfigError(f"{file}: {error.field}: {error}") from None
        except (TooMany, OverQuota) as error:
            raise ConfigError(f"{file}: {error}") from None
    return agent.id


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Catalogue]:
    if parse_address(settings.database_url) is None:
        raise ConfigError(
            "LEGATO_DATABASE_URL: found one in memory, whose agents only its server can see; "
            "allowed: a file or a server"
        )
    models = _models(settings)
    configured = configured_agents(settings.agents, _default(settings))
    most = settings.limits.max_recursion
    async with open_records(settings.database_url, quota=quota_of(settings)) as records:
        yield Catalogue(configured, records.agents, models, most)


def _check_tools(state: AgentState, former: AgentState | None, settings: Settings) -> None:
    """Raises InvalidAgent for new tools of servers and functions without a table.

    Which operations an action has is written in documents, which only a server reads.
    """
    before = former.tools if former is not None else ()
    for index, name in enumerate(state.tools):
        kind, server = "mcp", name.rpartition(MCP_DELIMITER)[2]
        if MCP_DELIMITER not in name:
            kind, server = "functions", name
        tables = settings.mcp if kind == "mcp" else settings.functions
        is_known = server in tables or (kind == "functions" and ACTION_DELIMITER in name)
        if not is_known and name not in before:
            reason = f"found {name!r}; there is no table [{kind}.{server}]"
            raise InvalidAgent(f"tools[{index}]", reason)


def _models(settings: Settings) -> list[str]:
    """The names in a server's order."""
    return [*([BUILT_IN_MODEL] if settings.scripted else []), *settings.models]


def _default(settings: Settings) -> str:
    return settings.default_model or _models(settings)[0]


async def _find(catalogue: Catalogue, agent_id: str) -> StoredAgent:
    """Raises ConfigError."""
    found = await catalogue.stored.find([agent_id], []) if is_stored(agent_id) else ()
    if not found:
        raise ConfigError(f"ID: found {agent_id!r:.80}; allowed: what `legato agents list` shows")
    return found[0].agent


async def _every(catalogue: Catalogue) -> AsyncIterator[ListedAgent]:
    cursor: str | None = None
    while True:
        page = await catalogue.stored.page(None, AgentQuery(), limit=_PAGE, cursor=cursor)
        for agent in page.agents:
            yield agent
        if (cursor := page.next_cursor) is None:
            return


def _read(file: Path) -> AgentBody:
    """Raises ConfigError."""
    try:
        data = file.read_bytes()
        if len(data) > 2 * LARGEST_STATE:
            raise ConfigError(f"{file}: found {len(data)} bytes; {2 * LARGEST_STATE} are allowed")
        found = json.decode(data) if file.suffix == ".json" else tomllib.loads(data.decode())
        return msgspec.convert(found, AgentBody)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from None
    except msgspec.ValidationError as error:
        raise ConfigError(f"{file}: {error}") from None
    except ValueError as error:  # neither TOML nor JSON, or not UTF-8
        raise ConfigError(f"{file}: not a file of an agent: {error}") from None


def _configured_row(agent: ConfiguredAgent) -> Sequence[str]:
    return agent.name, _CONFIGURATION, "", agent.state.category, agent.state.name


def _row(agent: ListedAgent) -> Sequence[str]:
    changed = f"{agent.updated_at:%Y-%m-%dT%H:%M:%SZ}"
    return agent.id, agent.author, changed, agent.category, agent.name


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _lines(facts: Mapping[str, str]) -> Iterator[str]:
    for name, value in facts.items():
        yield f"{name + ':':9}{value}"


def _share(grant: Grant) -> str:
    who = " ".join(each for each in grant.principal if each)
    return f"{who} ({role_with(grant.bits).name.lower()})"


def _json(state: AgentState) -> str:
    encoded: Any = json.format(json.encode(state), indent=2)
    return str(encoded.decode())
