"""Settings: one frozen tree, and what its values may be."""

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
