"""The largest number of connections, in all and from one address."""

from collections import Counter
from collections.abc import Callable
from enum import StrEnum

from legato.http.guards.addresses import ip_subject, parse_address


class Full(StrEnum):
    """The reason for which a connection is refused."""

    PROCESS = "process"
    ADDRESS = "address"
    DESCRIPTORS = "descriptors"


class ConnectionLimit:
    """`open`: the number of connections now; `refused`: the number of refusals by reason."""

    def __init__(self, most: int, most_per_address: int, trusts: Callable[[str], bool]) -> None:
        """`trusts`: whether an address is a proxy's, with many clients behind."""
        self.open = 0
        self.refused = Counter(dict.fromkeys(Full, 0))  # metrics show a zero, too
        self._most = most
        self._most_per_address = most_per_address
        self._trusts = trusts
        self._by_subject = Counter[str]()

    def enter(self, address: str) -> Full | None:
        """Count a connection from `address`; returns the reason where the connection is refused."""
        if self.open >= self._most:
            return Full.PROCESS
        subject = ip_subject(address)
        if self._by_subject[subject] >= self._most_per_address and not self._is_exempt(address):
            return Full.ADDRESS
        self.open += 1
        self._by_subject[subject] += 1
        return None

    def leave(self, address: str) -> None:
        subject = ip_subject(address)
        self.open -= 1
        self._by_subject[subject] -= 1
        if not self._by_subject[subject]:
            del self._by_subject[subject]

    def _is_exempt(self, address: str) -> bool:
        parsed = parse_address(address)
        return parsed is None or parsed.is_loopback or self._trusts(address)
