"""The `[mcp.<name>]`, `[functions.<name>]` and `[actions.<name>]` tables: agents' tools."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from legato.config.values import (
    ConfigError,
    Flag,
    HttpUrl,
    Table,
    Text,
    VariableName,
    check_fields,
    check_names,
    check_value,
)

ServerName = Annotated[
    str,  # a tool's name is `<tool>_mcp_<server>`, and such names have up to 64
    Meta(
        # Two names stand for tools of no server, in replies of the Responses API.
        pattern=r"^(?!.*_mcp_)(?!(functions|agents)\Z)[A-Za-z0-9_-]{1,32}\Z",
        description="1 to 32 letters, digits, hyphens and underscores, without _mcp_,"
        " and neither functions nor agents",
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

TaskTimeout = Annotated[
    float,  # tasks are for work of minutes or hours; nobody waits longer than a day
    Meta(gt=0, le=86_400, description="a number of seconds, above 0, at most 86400"),
]

VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
"""An environment variable in a value of `headers` or `env`."""

_OF_A_PROCESS: Final = ("command", "args", "env")
_OF_AN_ADDRESS: Final = ("url", "headers")


class McpSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[mcp.<name>]` table: a process (`command`), or an address (`url`).

    `${NAME}` in a value of `env` and `headers` is an environment variable of Legato.
    `timeout`: seconds for one call of a tool, as LibreChat has it.  `task_timeout`: seconds for a
    call that goes on as a task of the server: by default half of a job's longest time, which leaves
    the model time for an answer.
    """

    command: Text | None = None
    args: Arguments = ()
    env: Variables = {}
    url: HttpUrl | None = None
    headers: Headers = {}
    timeout: CallTimeout = 60.0
    task_timeout: TaskTimeout = 1800.0


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


FunctionName = Annotated[
    str,
    Meta(
        pattern=r"^(?!.*(_mcp_|_action_)|lc_transfer_to_)[A-Za-z0-9_-]{1,64}\Z",
        description="1 to 64 letters, digits, hyphens and underscores, without _mcp_ and _action_, "
        "not beginning with lc_transfer_to_",
    ),
]
Target = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*\Z",
        description="a module and a function such as weather:forecast",
    ),
]


class FunctionSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[functions.<name>]` table: a Python function, which agents use by the table's name.

    `timeout`: seconds for one call.
    """

    target: Target
    timeout: CallTimeout = 60.0


def function_values(name: str, found: object, place: str) -> dict[str, object]:
    """Check one `[functions.<name>]` table.

    Raises:
        ConfigError: naming `place` and the key, what was found and what is allowed.
    """
    check_value(name, FunctionName, f"{place}: the table's name")
    table = check_value(found, Table, place)
    check_names(table, FunctionSettings.__struct_fields__, f"{place}.")
    if "target" not in table:
        raise ConfigError(f"{place}.target: missing; allowed: a module and a function")
    return check_fields(table, FunctionSettings, f"{place}.")


Domain = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?\Z",
        description="a host such as api.example.com, with a port where the document has one",
    ),
]
HeaderName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}\Z",
        description="the name of a header, such as X-Api-Key",
    ),
]


class ActionSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[actions.<name>]` table: an OpenAPI document whose operations are tools.

    `domain` is the host that the document's server must have.  `key_env`: the variable with the
    key; for `basic`, with the user, a colon and the password.  `allow_private` allows addresses
    inside a network, and http://.  `timeout`: seconds for one call.
    """

    document: Text
    domain: Domain
    auth: Literal["none", "basic", "bearer", "header"] = "none"
    key_env: VariableName | None = None
    header: HeaderName = "X-Api-Key"
    allow_private: Flag = False
    timeout: CallTimeout = 60.0


def action_values(name: str, found: object, place: str) -> dict[str, object]:
    """Check one `[actions.<name>]` table.

    Raises:
        ConfigError: naming `place` and the key, what was found and what is allowed.
    """
    check_value(name, FunctionName, f"{place}: the table's name")
    table = check_value(found, Table, place)
    check_names(table, ActionSettings.__struct_fields__, f"{place}.")
    for key in ("document", "domain"):
        if key not in table:
            raise ConfigError(f"{place}.{key}: missing; allowed: an OpenAPI document and its host")
    values = check_fields(table, ActionSettings, f"{place}.")
    if values.get("auth", "none") != "none" and "key_env" not in values:
        raise ConfigError(f"{place}.key_env: missing; allowed: the name of a variable with the key")
    return values


_KINDS: Final = {"mcp": mcp_values, "functions": function_values, "actions": action_values}

TOOL_TABLES: Final = tuple(_KINDS)


def tool_values(file: dict[str, object], place: str) -> dict[str, object]:
    """Take the tables of tools out of a file's values, and check them.

    Raises:
        ConfigError: naming the table and the key, what was found and what is allowed.
    """
    values: dict[str, object] = {}
    for key, checked in _KINDS.items():
        tables = check_value(file.pop(key, {}), Table, f"{place}{key}")
        values[key] = {
            name: checked(name, table, f"{place}{key}.{name}") for name, table in tables.items()
        }
    return values


def key_variables(values: Mapping[str, Any]) -> list[object]:
    """The variables that hold keys of tools, in the values that `tool_values` gave."""
    actions = [table.get("key_env") for table in values.get("actions", {}).values()]
    return [*actions, *(name for table in values.get("mcp", {}).values() for name in _named(table))]


def _named(table: Mapping[str, Any]) -> list[str]:
    """The environment variables named in an `[mcp.<name>]` table."""
    texts = [*table.get("headers", {}).values(), *table.get("env", {}).values()]
    return [name for text in texts for name in VARIABLE.findall(text)]
