"""Environment variables in the tables of MCP servers: `${NAME}` in a value stands for the variable.

Keys of services stay out of the configuration's file, as the keys of models do.
"""

import re
from collections.abc import Mapping

from msgspec import structs

from legato.config import ConfigError
from legato.config.tools import VARIABLE, McpSettings


def with_variables(
    tables: Mapping[str, McpSettings], environment: Mapping[str, str]
) -> Mapping[str, McpSettings]:
    """Replace each `${NAME}` in `headers` and `env`.

    Raises:
        ConfigError: a variable is not set, or has what no HTTP header can carry.
    """
    return {name: _filled(f"mcp.{name}", table, environment) for name, table in tables.items()}


def _filled(place: str, table: McpSettings, environment: Mapping[str, str]) -> McpSettings:
    def values(key: str, found: Mapping[str, str]) -> dict[str, str]:
        return {
            name: VARIABLE.sub(lambda match: _value(f"{place}.{key}", match, environment), text)
            for name, text in found.items()
        }

    headers = values("headers", table.headers)
    return structs.replace(table, headers=headers, env=values("env", table.env))


def _value(place: str, match: re.Match[str], environment: Mapping[str, str]) -> str:
    value = environment.get(match[1], "").strip()
    if value and value.isascii() and value.isprintable():
        return value
    found = "has no printable ASCII" if value else "is not set"
    raise ConfigError(
        f"{place}: the environment variable {match[1]} {found}; "
        "allowed: a variable with a text in printable ASCII"
    )
