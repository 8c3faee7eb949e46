"""The tools of all documents that are configured."""

import ssl
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import trio

from legato.agents.tools.actions.compiled import compiled
from legato.agents.tools.actions.credentials import (
    Credential,
    InvalidCredential,
    credential_of,
)
from legato.agents.tools.actions.document import InvalidDocument
from legato.agents.tools.actions.tool import ActionTool
from legato.agents.tools.contract import Offer
from legato.config import ConfigError
from legato.config.tools import ActionSettings


class ActionToolbox:
    def __init__(self, tools: Mapping[str, ActionTool]) -> None:
        self.tools: Final = tools

    @property
    def names(self) -> Sequence[str]:
        """See Toolbox."""
        return [*self.tools]

    async def offer(self, names: Sequence[str], user: str, agent_id: str = "") -> Offer:
        """Find operations by names such as `listPets_action_example_com`; see Toolbox."""
        found = [self.tools[name] for name in names if name in self.tools]
        return Offer(found, self.unknown(names))

    def unknown(self, names: Sequence[str]) -> Mapping[str, str]:
        """See Toolbox."""
        reason = f"there is no such action; there are: {', '.join(self.tools) or 'none'}"
        return {name: reason for name in names if name not in self.tools}


async def load_actions(
    tables: Mapping[str, ActionSettings], environment: Mapping[str, str]
) -> ActionToolbox:
    """Read the documents of some tables.

    Raises:
        ConfigError: a document cannot be read or used, or a key is not in the environment.
    """
    trust = ssl.create_default_context()
    tools: dict[str, ActionTool] = {}
    for name, table in tables.items():
        for tool in await _loaded(f"actions.{name}", table, environment, trust):
            if tool.definition.name in tools:
                raise ConfigError(f"actions.{name}: {tool.definition.name} is there already")
            tools[tool.definition.name] = tool
    return ActionToolbox(tools)


async def _loaded(
    place: str,
    table: ActionSettings,
    environment: Mapping[str, str],
    trust: ssl.SSLContext,
) -> list[ActionTool]:
    credential = _credential(place, table, environment)
    try:
        text = await trio.Path(Path(table.document)).read_text("utf-8")
        work = partial(compiled, text, table.domain, allow_http=table.allow_private)
        made = await trio.to_thread.run_sync(work)
    except InvalidDocument as error:
        raise ConfigError(f"{place}.document: {table.document}: {error}") from None
    except OSError as error:
        raise ConfigError(f"{place}.document: {table.document}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{place}.document: {table.document}: allowed: UTF-8") from None
    return [
        ActionTool(
            operation,
            made.server,
            credential,
            trust,
            timeout=table.timeout,
            allow_private=table.allow_private,
        )
        for operation in made.operations
    ]


def _credential(place: str, table: ActionSettings, environment: Mapping[str, str]) -> Credential:
    key = environment.get(table.key_env or "", "").strip()
    if table.auth != "none" and not (key and key.isascii() and key.isprintable()):
        raise ConfigError(
            f"{place}.key_env: names no environment variable with a key in printable ASCII; "
            "allowed: the name of a variable that holds the key"
        )
    try:
        return credential_of(table.auth, key, table.header)
    except InvalidCredential as error:
        raise ConfigError(f"{place}.header: {error}") from None
