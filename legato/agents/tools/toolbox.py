"""Every tool that is configured: which kind a name is of, and what the kinds offer together."""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import trio

from legato.agents.definition import ACTION_DELIMITER, MCP_DELIMITER
from legato.agents.tools.ask_user import ASK_USER, BuiltInToolbox
from legato.agents.tools.contract import NoTools, Offer, Toolbox, joined
from legato.agents.tools.functions import load_functions
from legato.agents.tools.named import NamedToolbox
from legato.agents.tools.stored_actions import StoredActions
from legato.agents.tools.variables import with_variables
from legato.config import ConfigError, Settings
from legato.storage.contracts.actions import Actions

_EXTRA: Final = "in a checkout, pip install '.[mcp]'"


class AllTools:
    """One toolbox of several: each name is asked of the toolbox of its kind."""

    def __init__(self, mcp: Toolbox, actions: Toolbox, functions: Toolbox) -> None:
        self._kinds: Mapping[str, Toolbox] = {
            MCP_DELIMITER: mcp,
            ACTION_DELIMITER: actions,
            ASK_USER: BuiltInToolbox(),
            "": functions,
        }

    @property
    def names(self) -> Sequence[str]:
        """See Toolbox."""
        return [name for kind in self._kinds.values() for name in kind.names]

    async def offer(self, names: Sequence[str], user: str, agent_id: str = "") -> Offer:
        """See Toolbox."""
        wanted = self._by_kind(names)
        offers: dict[str, Offer] = {}

        async def ask(kind: str) -> None:
            offers[kind] = await self._kinds[kind].offer(wanted[kind], user, agent_id)

        async with trio.open_nursery() as nursery:
            for kind in wanted:
                nursery.start_soon(ask, kind)
        return joined(offers[kind] for kind in wanted)

    def unknown(self, names: Sequence[str]) -> Mapping[str, str]:
        """See Toolbox."""
        unknown: dict[str, str] = {}
        for kind, each in self._by_kind(names).items():
            unknown |= self._kinds[kind].unknown(each)
        return unknown

    def _by_kind(self, names: Sequence[str]) -> Mapping[str, Sequence[str]]:
        wanted: dict[str, list[str]] = {}
        for name in dict.fromkeys(names):
            kind = ASK_USER if name == ASK_USER else self._kind_of(name)
            wanted.setdefault(kind, []).append(name)
        return wanted

    def _kind_of(self, name: str) -> str:
        delimiters = (each for each in self._kinds if each != ASK_USER)
        return next(delimiter for delimiter in delimiters if delimiter in name)


class OwnFirst:
    """A toolbox of two: the agent's own tools, and for all other names the tools for everybody."""

    def __init__(self, own: Toolbox, others: Toolbox) -> None:
        self._own = own
        self._others = others

    @property
    def names(self) -> Sequence[str]:
        """See Toolbox."""
        return [*self._own.names, *self._others.names]

    async def offer(self, names: Sequence[str], user: str, agent_id: str = "") -> Offer:
        """See Toolbox."""
        own = await self._own.offer(names, user, agent_id)
        others = await self._others.offer([*own.missing], user, agent_id)
        missing = {name: own.missing[name] for name in others.missing}
        return Offer([*own.tools, *others.tools], missing)

    def unknown(self, names: Sequence[str]) -> Mapping[str, str]:
        """See Toolbox."""
        return self._others.unknown([*self._own.unknown(names)])


@asynccontextmanager
async def open_toolbox(settings: Settings, stored: Actions | None = None) -> AsyncIterator[Toolbox]:
    """Open what is configured, until the block ends; `stored` are the actions of agents.

    Raises:
        ConfigError: a package or a function is not there.
    """
    async with AsyncExitStack() as stack:
        mcp: Toolbox = NoTools()
        if settings.mcp:
            # The `mcp` package takes more than a second to import: who has no server waits not.
            try:
                from legato.agents.tools.mcp.toolbox import open_mcp
            except ModuleNotFoundError as error:
                missing = f"MCP servers need the package {error.name}: {_EXTRA}"
                raise ConfigError(f"mcp: {missing}") from error
            servers = with_variables(settings.mcp, os.environ)
            mcp = await stack.enter_async_context(open_mcp(servers))
        functions = NamedToolbox("function", load_functions(settings.functions))
        actions: Toolbox = NoTools()
        if settings.actions:
            from legato.agents.tools.actions.toolbox import load_actions

            actions = await load_actions(settings.actions, os.environ)
        if stored is not None:
            actions = OwnFirst(StoredActions(stored, settings), actions)
        yield AllTools(mcp, actions, functions)
