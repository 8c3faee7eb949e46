"""The log of notices in Redis: one stream of all replicas.

An entry's id is the cursor.  Fields: `b` the id of the entry before, `d` the notice.  Redis never
gives an id again, so a reader that compares `b` with the id read last sees every loss.
"""

from collections.abc import Sequence
from typing import Final

from legato.storage.contracts.notices import MOST, START, NoticeEntry
from legato.storage.redis.connection.commands import (
    Command,
    LuaScript,
    StreamEntry,
    array,
    entries,
    last,
)
from legato.storage.redis.connection.lines import Lines
from legato.storage.redis.key_names import DAY, Keys

TURN: Final = 1.0
"""Seconds to wait for entries at a time, until the next look whether the log lost its end."""

AT_ONCE: Final = 500  # entries of one reply

# Arguments: number of the batch, 1 to drop all entries before, entries to keep, seconds to live,
# notices.  The second key has the number of the replica's last batch.
_APPEND: Final = LuaScript(
    """
if tonumber(redis.call('GET', KEYS[2]) or '0') >= tonumber(ARGV[1]) then return 0 end
if ARGV[2] == '1' then
  redis.call('XTRIM', KEYS[1], 'MAXLEN', 0)
  redis.call('XADD', KEYS[1], '*', 'b', '0-0', 'd', '')
end
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local before = last and last[1] or '0-0'
for at = 5, #ARGV do
  before = redis.call(
    'XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'b', before, 'd', ARGV[at])
end
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[4])
return 1
"""
)


class RedisNotices:
    """A replica's writer appends, and the replica's reader reads."""

    def __init__(self, sending: Lines, receiving: Lines, keys: Keys, me: str) -> None:
        self._sending = sending
        self._receiving = receiving
        self._log = keys.notices
        self._written = keys.notices_written(me)

    async def append(self, number: int, batch: Sequence[bytes], *, breaks: bool = False) -> None:
        keys = [self._log, self._written]
        await self._sending.run([_APPEND.on_all(keys, number, int(breaks), MOST, DAY, *batch)])

    async def read(self, after: str) -> Sequence[NoticeEntry] | None:
        wait = ("BLOCK", round(TURN * 1000), "COUNT", AT_ONCE)
        words = ("XREAD", *wait, "STREAMS", self._log, after)
        while True:
            [reply] = await self._receiving.run([Command(self._log, words)], block=TURN)
            found = [each for stream in array(reply) for each in entries(array(stream)[1])]
            if found:
                return [_entry(each) for each in found]
            if _order(await self.last()) < _order(after):
                return None

    async def last(self) -> str:
        [reply] = await self._receiving.run([last(self._log)])
        found = entries(reply)
        return found[-1].id.decode() if found else START


def _entry(entry: StreamEntry) -> NoticeEntry:
    fields = entry.fields
    return NoticeEntry(entry.id.decode(), fields[b"b"].decode(), fields[b"d"])


def _order(cursor: str) -> tuple[int, int]:
    milliseconds, sequence = cursor.split("-")
    return int(milliseconds), int(sequence)
