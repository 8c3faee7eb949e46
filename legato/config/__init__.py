"""Settings: one frozen tree, and what its values may be.

- `agents`: the `[agents.<name>]` tables: agents that are there without a page
- `guards`: settings of what stands before the routes: who is let in, how often, and what it costs
- `service_links`: variables that an orchestrator sets for its own reasons, under names that begin
  like ours
- `settings`: one frozen tree of settings, read once from environment and file, handed down by
  constructor
- `values`: what the value of a setting may be, and how a person is told that it is not
"""

from legato.config.agents import AgentSettings
from legato.config.guards import Compat, Guards
from legato.config.settings import (
    ANY_AUDIENCE,
    BUILT_IN_MODEL,
    Limits,
    LogForm,
    ModelSettings,
    OnBusy,
    OnOwnerLost,
    Settings,
    load_settings,
    settings_file,
)
from legato.config.values import ConfigError

__all__ = [
    "ANY_AUDIENCE",
    "BUILT_IN_MODEL",
    "AgentSettings",
    "Compat",
    "ConfigError",
    "Guards",
    "Limits",
    "LogForm",
    "ModelSettings",
    "OnBusy",
    "OnOwnerLost",
    "Settings",
    "load_settings",
    "settings_file",
]
