"""Each user's storage use in memory, counted at every write and removal."""

from legato.storage.contracts.quotas import StorageUse

Key = tuple[str, str]
"""A table's name, and an id in the table."""

Row = tuple[Key, StorageUse]


class MemoryUse:
    """The use of each row, and the sum of each user."""

    def __init__(self) -> None:
        self._rows: dict[Key, tuple[str, StorageUse]] = {}
        self._sums: dict[str, StorageUse] = {}

    def of(self, user: str) -> StorageUse:
        return self._sums.get(user, StorageUse())

    def with_put(self, user: str, *rows: Row) -> StorageUse:
        """The user's use as these rows would make it."""
        use = self.of(user)
        for key, more in rows:
            use = use - self._rows.get(key, (user, StorageUse()))[1] + more
        return use

    def put(self, user: str, *rows: Row) -> None:
        """Store each row's use in place of the former use with the same key."""
        self._sums[user] = self.with_put(user, *rows)
        self._rows.update((key, (user, use)) for key, use in rows)

    def remove(self, key: Key) -> None:
        user, use = self._rows.pop(key)
        if (left := self._sums[user] - use) == StorageUse():
            del self._sums[user]
        else:
            self._sums[user] = left
