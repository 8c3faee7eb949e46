"""Variables that an orchestrator sets for its own reasons, under names that begin like ours.

Kubernetes tells every container where the services of its namespace are.  Of a service `legato`
that is LEGATO_SERVICE_HOST, LEGATO_PORT=tcp://10.0.0.1:8000, LEGATO_PORT_8000_TCP_ADDR and so on;
of one `legato-metrics` the same after LEGATO_METRICS.
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
"""A name that settings have, too: LEGATO_PORT, LEGATO_METRICS_PORT.  The value tells."""


def without_service_links(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Leave out what describes a service and is no setting."""
    return {name: value for name, value in environment.items() if not _is_link(name, value)}


def _is_link(name: str, value: str) -> bool:
    if _NAME.fullmatch(name):
        return True
    return bool(_PORT_NAME.fullmatch(name) and _PORT_VALUE.fullmatch(value))
