"""The `[mcp.<name>]` and `[functions.<name>]` tables: tools that agents may use."""

from collections.abc import Mapping
from typing import Annotated, Final

from msgspec import Meta, Struct

from legato.config.values import (
    ConfigError,
    HttpUrl,
    Table,
    Text,
    check_fields,
    check_names,
    check_value,
)

ServerName = Annotated[
    str,  # a tool's name is `<tool>_mcp_<server>`, and such names have up to 64
    Meta(
        pattern=r"^(?!.*_mcp_)[A-Za-z0-9_-]{1,32}\Z",
        description="1 to 32 letters, digits, hyphens and underscores, without _mcp_",
    ),
]
Arguments = Annotated[
    tuple[Annotated[str, Meta(pattern=r"^[^\0]*\Z")], ...],
    Meta(max_length=256, description="a list of at most 256 texts without NUL"),
]
Variables = Annotated[
    Mapping[
        Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*\Z")],
        Annotated[str, Meta(pattern=r"^[^\0]*\Z")],
    ],
    Meta(
        description='a table of texts, such as {TZ = "UTC"}',
        extra={"confidential": True},  # keys of services are passed like that
    ),
]
Headers = Annotated[
    Mapping[
        Annotated[str, Meta(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}\Z")],
        Annotated[str, Meta(pattern=r"^[\t\x20-\x7e]*\Z")],
    ],
    Meta(
        description='a table of texts in ASCII, such as {Authorization = "Bearer …"}',
        extra={"confidential": True},
    ),
]
CallTimeout = Annotated[
    float,  # an hour is the most that a job lasts by default
    Meta(gt=0, le=3600, description="a number of seconds, above 0, at most 3600"),
]

_OF_A_PROCESS: Final = ("command", "args", "env")
_OF_AN_ADDRESS: Final = ("url", "headers")


class McpSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[mcp.<name>]` table: a process (`command`), or an address (`url`).

    `timeout`: seconds for one call of a tool, as LibreChat has it.
    """

    command: Text | None = None
    args: Arguments = ()
    env: Variables = {}
    url: HttpUrl | None = None
    headers: Headers = {}
    timeout: CallTimeout = 60.0


def mcp_values(name: str, found: object, place: str) -> dict[str, object]:
    """Check one `[mcp.<name>]` table.

    Raises:
        ConfigError: naming `place` and the key, what was found and what is allowed.
    """
    check_value(name, ServerName, f"{place}: the table's name")
    table = check_value(found, Table, place)
    check_names(table, McpSettings.__struct_fields__, f"{place}.")
    if ("command" in table) == ("url" in table):
        both = "both command and url" if "url" in table else "neither command nor url"
        raise ConfigError(f"{place}: found {both}; allowed: one of them")
    kind, foreign = ("url", _OF_A_PROCESS) if "url" in table else ("command", _OF_AN_ADDRESS)
    for key in foreign:
        if key in table:
            raise ConfigError(f"{place}.{key}: found beside {kind}; allowed: without it")
    return check_fields(table, McpSettings, f"{place}.")


TOOL_TABLES: Final = ("mcp",)


def tool_values(file: dict[str, object], place: str) -> dict[str, object]:
    """Take the tables of tools out of a file's values, and check them.

    Raises:
        ConfigError: naming the table and the key, what was found and what is allowed.
    """
    tables = check_value(file.pop("mcp", {}), Table, f"{place}mcp")
    return {
        "mcp": {name: mcp_values(name, each, f"{place}mcp.{name}") for name, each in tables.items()}
    }
