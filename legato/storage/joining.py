"""Reading a job's entries in the order in which they were kept, where some are missing.  Pure."""

from legato.storage.contracts.journal import Entries, Kept


class Joining:
    """Leaves out entries behind a gap, until entries come that begin at or below the gap.

    Say 1 to 5, 8 and 1 to 8 are kept in this order, because 6 and 7 were lost with a server, and
    then the owner told everything again: 8 is left out, and 1 to 8 heal the gap.
    """

    def __init__(self) -> None:
        self._joined: list[Entries] = []
        self._following = 1
        self._epoch = 0
        self._fault: str | None = None

    def add(self, entries: Entries) -> None:
        if entries.first > self._following:
            self.miss(f"its entries from {self._following} on: they are not there")
            return
        replaces = entries.epoch > self._epoch  # everything of a former owner from there on
        if replaces or entries.last >= self._following:
            self._following, self._fault = entries.last + 1, None
        self._epoch = entries.epoch
        self._joined.append(entries)

    def miss(self, fault: str) -> None:
        """Note entries that cannot be joined."""
        self._fault = self._fault or fault

    def kept(self) -> Kept:
        return Kept(self._joined, self._fault)
