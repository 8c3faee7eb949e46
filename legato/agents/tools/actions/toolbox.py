"""The tools of all documents that are configured."""

import ssl
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import trio

from legato.agents.tools.actions.compiled import compiled
from legato.agents.tools.actions.credentials import (
    Credential,
    InvalidCredential,
    credential_of,
)
from legato.agents.tools.actions.document import InvalidDocument
from legato.agents.tools.actions.tool import ActionTool
from legato.agents.tools.named import NamedToolbox
from legato.config import ConfigError
from legato.config.tools import ActionSettings


async def load_actions(
    tables: Mapping[str, ActionSettings], environment: Mapping[str, str]
) -> NamedToolbox[ActionTool]:
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
    return NamedToolbox("action", tools)


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
