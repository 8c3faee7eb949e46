"""The log of notices within one process, the simplest implementation of the contract."""

from collections.abc import Awaitable, Callable, Sequence

from legato.storage.contracts.notices import MOST, START, NoticeEntry
from legato.storage.memory.shared_memory import SharedMemory


class MemoryNotices:
    """Cursors are `0-n`, where n counts all entries that the shared memory ever had."""

    def __init__(self, shared: SharedMemory, me: str, reach: Callable[[], Awaitable[None]]) -> None:
        """`reach`: where a test has the shared memory fail, or be slow."""
        self._shared = shared
        self._me = me
        self._reach = reach

    async def append(self, number: int, batch: Sequence[bytes], *, breaks: bool = False) -> None:
        await self._reach()
        shared = self._shared
        if shared.notices_written.get(self._me, 0) >= number:
            return
        shared.notices_written[self._me] = number
        if breaks:
            shared.notices.clear()
        for data in [b"", *batch] if breaks else batch:
            shared.noticed += 1
            entry = NoticeEntry(f"0-{shared.noticed}", self._newest(), data)
            shared.notices.append(entry)
        del shared.notices[:-MOST]
        shared.stir_notices()

    async def read(self, after: str) -> Sequence[NoticeEntry] | None:
        await self._reach()
        while True:
            if found := [
                each for each in self._shared.notices if _place(each.cursor) > _place(after)
            ]:
                return found
            if _place(self._newest()) < _place(after):
                return None
            await self._shared.notices_stirred.wait()

    async def last(self) -> str:
        await self._reach()
        return self._newest()

    def _newest(self) -> str:
        return self._shared.notices[-1].cursor if self._shared.notices else START


def _place(cursor: str) -> int:
    return int(cursor.removeprefix("0-"))
