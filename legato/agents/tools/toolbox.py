"""Every tool that is configured: which kind a name is of, and what the kinds offer together."""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import trio

from legato.agents.definition import ACTION_DELIMITER, MCP_DELIMITER
from legato.agents.tools.contract import NoTools, Offer, Toolbox, joined
from legato.agents.tools.functions import FunctionToolbox, load_functions
from legato.agents.tools.variables import with_variables
from legato.config import ConfigError, Settings

_EXTRA: Final = "pip install 'legato[mcp]'"


class AllTools:
    """One toolbox of several: each name is asked of the toolbox of its kind."""

    def __init__(self, mcp: Toolbox, actions: Toolbox, functions: Toolbox) -> None:
        self._kinds: Mapping[str, Toolbox] = {
            MCP_DELIMITER: mcp,
            ACTION_DELIMITER: actions,
            "": functions,
        }

    @property
    def names(self) -> Sequence[str]:
        """See Toolbox."""
        return [name for kind in self._kinds.values() for name in kind.names]

    async def offer(self, names: Sequence[str], user: str) -> Offer:
        """See Toolbox."""
        wanted: dict[str, list[str]] = {}
        for name in dict.fromkeys(names):
            kind = next(delimiter for delimiter in self._kinds if delimiter in name)
            wanted.setdefault(kind, []).append(name)
        offers: dict[str, Offer] = {}

        async def ask(kind: str) -> None:
            offers[kind] = await self._kinds[kind].offer(wanted[kind], user)

        async with trio.open_nursery() as nursery:
            for kind in wanted:
                nursery.start_soon(ask, kind)
        return joined(offers[kind] for kind in wanted)


@asynccontextmanager
async def open_toolbox(settings: Settings) -> AsyncIterator[Toolbox]:
    """Open what is configured, until the block ends.

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
        functions = FunctionToolbox(load_functions(settings.functions))
        actions: Toolbox = NoTools()
        if settings.actions:
            from legato.agents.tools.actions.toolbox import load_actions

            actions = await load_actions(settings.actions, os.environ)
        yield AllTools(mcp, actions, functions)
