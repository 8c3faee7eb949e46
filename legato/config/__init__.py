"""Settings: one frozen tree, and the values allowed in it.

- `agents`: the `[agents.<name>]` tables: agents without a page and without a database
- `guards`: settings of the guards before the routes: limits, bans, and the scores of violations
- `oidc`: the `[oidc]` table: the identity provider at which people log in
- `service_links`: an orchestrator's own variables, whose names begin like Legato's
- `settings`: one frozen tree of settings, read once from environment and file, and passed down
- `tools`: the tables of tools that agents may use
- `values`: the types of settings' values, and errors with the allowed values, for people
"""

from legato.config.agents import AgentSettings
from legato.config.guards import Compat, Guards
from legato.config.oidc import OidcSettings
from legato.config.settings import (
    ANY_AUDIENCE,
    BUILT_IN_MODEL,
    Limits,
    LogForm,
    ModelSettings,
    OnBusy,
    OnOwnerLost,
    Settings,
    UnknownTools,
    WhileWaiting,
    load_settings,
    settings_file,
)
from legato.config.tools import ActionSettings, FunctionSettings, McpSettings
from legato.config.values import ConfigError

__all__ = [
    "ANY_AUDIENCE",
    "BUILT_IN_MODEL",
    "ActionSettings",
    "AgentSettings",
    "Compat",
    "ConfigError",
    "FunctionSettings",
    "Guards",
    "Limits",
    "LogForm",
    "McpSettings",
    "ModelSettings",
    "OidcSettings",
    "OnBusy",
    "OnOwnerLost",
    "Settings",
    "UnknownTools",
    "WhileWaiting",
    "load_settings",
    "settings_file",
]
