"""The hosts that users' actions may lead to, as operators allow them.  Pure."""

from collections.abc import Collection
from typing import Final

from msgspec import Struct

from legato.agents.tools.actions.document import PORTS, Server

SETTING: Final = "action_hosts"


class ActionHosts(Struct, frozen=True):
    """`allowed`: None stands for all hosts in the internet.  Entries: a host, or host:port.

    `private`: hosts that are reached inside networks too, and by http://.
    """

    allowed: Collection[str] | None = None
    private: Collection[str] = ()

    def is_private(self, host: str, port: int) -> bool:
        return _has(self.private, host, port)

    def is_allowed(self, host: str, port: int) -> bool:
        is_listed = self.allowed is None or _has(self.allowed, host, port)
        return is_listed or self.is_private(host, port)

    def refusal(self, server: Server) -> str | None:
        """Why no action may lead to the server now."""
        if not self.is_allowed(server.host, server.port):
            return f"the server's operator allows no actions of users at {server.host}"
        if server.scheme == "http" and not self.is_private(server.host, server.port):
            return f"the server's operator allows no http:// at {server.host}"
        return None


def _has(entries: Collection[str], host: str, port: int) -> bool:
    is_usual = port in PORTS.values()
    return f"{host}:{port}" in entries or (is_usual and host in entries)
