"""An orchestrator's own variables, whose names begin like Legato's.

Kubernetes tells every container where the services of its namespace are.  A service named `legato`
brings LEGATO_SERVICE_HOST, LEGATO_PORT=tcp://10.0.0.1:8000, LEGATO_PORT_8000_TCP_ADDR and more; a
service named `legato-metrics` brings the same after LEGATO_METRICS.
"""

import re
from collections.abc import Mapping
from typing import Final

_SERVICE: Final = r"LEGATO(?:_[A-Z0-9_]+)?"

_NAME: Final = re.compile(
    rf"{_SERVICE}_(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?"
    r"|PORT_[0-9]{1,5}_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)"
)
"""Names that no setting has."""

_PORT_NAME: Final = re.compile(rf"{_SERVICE}_PORT")
_PORT_VALUE: Final = re.compile(r"(?:tcp|udp|sctp)://[^\s/]+:[0-9]{1,5}")
"""LEGATO_PORT and LEGATO_METRICS_PORT are names of settings, too: here the value tells the two
apart."""


def without_service_links(environment: Mapping[str, str]) -> Mapping[str, str]:
    """The environment without variables that describe a service and are no setting."""
    return {name: value for name, value in environment.items() if not _is_link(name, value)}


def _is_link(name: str, value: str) -> bool:
    if _NAME.fullmatch(name):
        return True
    return bool(_PORT_NAME.fullmatch(name) and _PORT_VALUE.fullmatch(value))
