"""Signs of life in Redis, judged by each replica's own clock, and the storage's birth."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

import trio

from legato.storage.births import Births, Look, new_birth
from legato.storage.contracts.errors import StorageError
from legato.storage.failure_detector import LEFT
from legato.storage.redis.connection.client import Client, Send
from legato.storage.redis.connection.commands import (
    Command,
    RedisReply,
    array,
    number,
    pairs,
    script,
    text,
)
from legato.storage.redis.key_names import Keys

SERVER: Final = """
local function server()
  local about = redis.pcall('INFO', 'server')
  return type(about) == 'string' and string.match(about, 'run_id:(%w+)') or ''
end
local function is_another(birth)
  local born_on = redis.call('HGET', birth, 'server')
  return born_on and born_on ~= server()
end
"""
"""Whether this server differs from the server on which the birth was first seen.  A server that may
not be asked for its name never differs."""

_BIRTH: Final = SERVER + "return not is_another(KEYS[1]) and redis.call('HGET', KEYS[1], 'token')"

# Keys: birth, replicas.  Arguments: replica, the last count heard of this replica's sign, the words
# of the sign, a new birth, the birth found to be whole, the birth seen last.  A server other than
# at the birth took over after a failure, or was restarted, and may lack the last writes; a count
# that went back was lost in the same way.  The first replica to find this makes a new birth.
_BEAT: Final = (
    SERVER
    + """
local heard = tonumber(ARGV[2])
local count = tonumber(string.match(redis.call('HGET', KEYS[2], ARGV[1]) or '', '^%d+'))
local birth = redis.call('HGET', KEYS[1], 'token')
if birth and is_another(KEYS[1]) or birth == ARGV[6] and count and count < heard then
  redis.call('DEL', KEYS[1])
  birth = false
end
if not birth then redis.call('HSET', KEYS[1], 'token', ARGV[4]) end
redis.call('HSETNX', KEYS[1], 'server', server())
if birth and birth == ARGV[5] then redis.call('HSET', KEYS[1], 'whole', 1) end
count = math.max(count or 0, heard) + 1
redis.call('HSET', KEYS[2], ARGV[1], string.format('%d ', count) .. ARGV[3])
return {count, redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', KEYS[2])}
"""
)

# Keys: birth, replicas.  Arguments: replica, the sign of one that left, the birth seen last.  1
# where the replica has left; 0 where the storage has another birth by now.
_LEAVE: Final = (
    SERVER
    + """
local birth = redis.call('HGET', KEYS[1], 'token')
if is_another(KEYS[1]) or birth ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
return 1
"""
)


def birth_now(keys: Keys) -> Command:
    """Ask for the birth; nothing where the server is a new one and no replica has looked yet."""
    return script(_BIRTH, [keys.birth])


def token(reply: RedisReply) -> str:
    """The birth in the reply to `birth_now`; "" where there is none."""
    return "" if reply is None else text(reply).decode()


def whole_birth() -> Mapping[str, str]:
    """A birth, for `Keys.birth` of a Redis whose absences count from the first look on.

    For a process that started the Redis, and knows that no living replica has anything to tell.
    """
    return {"token": new_birth(), "whole": "1"}


class RedisLiveness:
    """Judges by this replica's own looks alone: a `lease` of looks, none failed, none late."""

    def __init__(self, client: Client, keys: Keys, me: str, lease: float) -> None:
        self.me = me
        self.births = Births(me, lease)
        self._client = client
        self._keys = keys
        self._one_at_a_time = trio.CapacityLimiter(1)
        self._count = 0

    async def beat(self) -> bool:
        births, began = self.births, trio.current_time()
        counted = (self.me, self._count, births.words)
        born = (new_birth(), births.whole, births.birth)
        beat = script(_BEAT, [self._keys.birth, self._keys.replicas], *counted, *born)
        try:
            count, seen = await self._client.run(
                lambda send: _look(send, beat), self._one_at_a_time, anyway=True
            )
        except StorageError:
            births.signs.miss()
            raise
        self._count = count
        return births.look(seen, began, trio.current_time())

    def told(self) -> None:
        self.births.told()

    def leaving(self) -> None:
        self.births.leaving()

    @property
    def is_whole(self) -> bool:
        return self.births.is_whole

    def alive(self) -> Collection[str]:
        return self.births.signs.alive().keys()

    def staying(self) -> Collection[str]:
        return self.births.staying()

    def gone(self) -> Collection[str]:
        """The other replicas that have gone."""
        return self.births.signs.gone()

    def drop(self, replicas: Iterable[str]) -> None:
        """Forget these replicas, of which Redis has nothing left."""
        self.births.signs.drop(replicas)

    async def leave(self) -> bool:
        keys = [self._keys.birth, self._keys.replicas]
        gone = script(_LEAVE, keys, self.me, LEFT, self.births.birth)
        return await self._client.run(
            lambda send: send([gone]) == [1], self._one_at_a_time, abandon=True, anyway=True
        )


def _look(send: Send, beat: Command) -> tuple[int, Look]:
    [reply] = send([beat])
    count, birth, signs = array(reply)
    about = pairs(birth)
    found = {replica.decode(): value.decode() for replica, value in pairs(signs).items()}
    return number(count), Look(about[b"token"].decode(), b"whole" in about, found)
