"""A user's part of the directory: each change is one script over the user's keys.

The value of a job in its conversation's hash is `<stage><place>:<listing>`: the first letter of the
stage, the place in the order of starts, and the listing as JSON.
"""

from collections.abc import Collection, Mapping
from typing import Final, Literal, NamedTuple

from msgspec import DecodeError, convert, json
from msgspec.structs import astuple

from legato.config import OnBusy
from legato.storage.contracts.replication import (
    DirectoryEntry,
    Entered,
    JobInfo,
    JobStage,
    Joined,
    NotEntered,
    QueueLimits,
)
from legato.storage.redis.connection.commands import (
    Command,
    RedisReply,
    array,
    command,
    number,
    script,
    text,
)
from legato.storage.redis.key_names import DAY, Keys
from legato.storage.redis.streams import decoded, encoded

_STAGES: Final[dict[bytes, JobStage]] = {
    b"w": "waiting",
    b"b": "begun",
    b"e": "ended",
    b"v": "void",
}

# Keys: conversation, running, queue, request.  Arguments: job id, listing, conversation id,
# on_busy, max_per_user, the queue's limits per conversation and per user, seconds for the request.
# A job that is there already was entered by an earlier call of this entry, whose success was not
# heard.  A queued turn that does not run any more was ended by a former version, which knew no
# queue.
_ENTER: Final = """
local job, listing, conversation, on_busy = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local mine = redis.call('HGET', KEYS[1], job)
local first = not mine and KEYS[4] and redis.call('GET', KEYS[4])
if first then return {'joined', first} end
local found, before, places, queued = redis.call('HGETALL', KEYS[1]), {}, 0, 0
local until_place = mine and tonumber(string.match(mine, '^%a(%d+)')) or math.huge
for at = 2, #found, 2 do
  local stage, place = string.match(found[at], '^(%a)(%d+)')
  place = tonumber(place)
  places = math.max(places, place)
  if (stage == 'w' or stage == 'b') and place < until_place and found[at - 1] ~= job then
    table.insert(before, found[at])
    queued = queued + redis.call('HEXISTS', KEYS[3], found[at - 1])
  end
end
if mine then return {'entered', before, until_place, redis.call('HEXISTS', KEYS[3], job)} end
if on_busy == 'reject' and #before > 0 then return {'busy'} end
local running = redis.call('HLEN', KEYS[2])
if on_busy == 'interrupt' then running = running - #before end
if running >= tonumber(ARGV[5]) then return {'too_many'} end
local waits = on_busy == 'enqueue' and #before > 0
if waits then
  if queued >= tonumber(ARGV[6]) then return {'queue_full'} end
  for _, each in ipairs(redis.call('HKEYS', KEYS[3])) do
    if redis.call('HEXISTS', KEYS[2], each) == 0 then redis.call('HDEL', KEYS[3], each) end
  end
  if redis.call('HLEN', KEYS[3]) >= tonumber(ARGV[7]) then return {'too_many_queued'} end
  redis.call('HSET', KEYS[3], job, 0)
end
redis.call('HSET', KEYS[1], job, 'w' .. string.format('%d', places + 1) .. ':' .. listing)
redis.call('HSET', KEYS[2], job, conversation)
if KEYS[4] then redis.call('SET', KEYS[4], listing, 'EX', ARGV[8]) end
return {'entered', before, places + 1, waits and 1 or 0}
"""

# Keys: conversation, running, queue.  Arguments: job id, then the ids of jobs known to have ended.
# The reply has the jobs that must end before: first running jobs, then waiting ones.
_BEGIN: Final = """
local job, known = ARGV[1], {}
for at = 2, #ARGV do known[ARGV[at]] = true end
local mine = redis.call('HGET', KEYS[1], job)
local place = mine and tonumber(string.match(mine, '^%a(%d+)')) or 0
local rank = tonumber(redis.call('HGET', KEYS[3], job))
local found, running, waiting = redis.call('HGETALL', KEYS[1]), {}, {}
for at = 2, #found, 2 do
  local id, stage, theirs = found[at - 1], string.match(found[at], '^(%a)(%d+)')
  theirs = tonumber(theirs)
  if (stage == 'w' or stage == 'b') and id ~= job and not known[id] then
    local queued = tonumber(redis.call('HGET', KEYS[3], id))
    if not queued then
      if rank or theirs < place then table.insert(running, found[at]) end
    elseif rank and (queued < rank or (queued == rank and theirs < place)) then
      table.insert(waiting, {queued, theirs, found[at]})
    end
  end
end
if #running + #waiting == 0 then redis.call('HDEL', KEYS[3], job) end
table.sort(waiting, function(a, b)
  if a[1] ~= b[1] then return a[1] < b[1] end
  return a[2] < b[2]
end)
for _, each in ipairs(waiting) do table.insert(running, each[3]) end
return running
"""

# Keys: queue.  Arguments: job id.
_TO_FRONT: Final = """
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return false end
local lowest = 0
for _, rank in ipairs(redis.call('HVALS', KEYS[1])) do
  lowest = math.min(lowest, tonumber(rank))
end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%d', lowest - 1))
return lowest - 1
"""

# Keys: conversation, queue.  Arguments: job id, rank or ''.
_REQUEUE: Final = """
local value = redis.call('HGET', KEYS[1], ARGV[1])
local stage = value and string.sub(value, 1, 1)
if ARGV[2] ~= '' and (stage == 'w' or stage == 'b') then
  return redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
end
return redis.call('HDEL', KEYS[2], ARGV[1])
"""

# Keys: conversation, running, queue.  Arguments: job id, letter of the stage, conversation id,
# listing, place.  Stages only advance: a late former owner cannot move a job back.
_ADVANCE: Final = """
local rank = {w = 0, b = 1, e = 2, v = 3}
local job, stage = ARGV[1], ARGV[2]
local value = redis.call('HGET', KEYS[1], job)
if not value and stage ~= 'b' then return 0 end
value = value or ('w' .. ARGV[5] .. ':' .. ARGV[4])
if rank[string.sub(value, 1, 1)] >= rank[stage] then return 0 end
redis.call('HSET', KEYS[1], job, stage .. string.sub(value, 2))
if stage == 'b' then redis.call('HSET', KEYS[2], job, ARGV[3])
else
  redis.call('HDEL', KEYS[2], job)
  redis.call('HDEL', KEYS[3], job)
end
return 1
"""

# Keys and arguments: as above, without the queue.
_ANNOUNCE: Final = """
local job, stage = ARGV[1], ARGV[2]
local made = redis.call('HSETNX', KEYS[1], job, stage .. ARGV[5] .. ':' .. ARGV[4])
if made == 1 and (stage == 'w' or stage == 'b') then
  redis.call('HSET', KEYS[2], job, ARGV[3])
end
return made
"""

# Keys: request.  Arguments: the beginning of a listing for this job.
_FREE: Final = """
local value = redis.call('GET', KEYS[1])
if value and string.sub(value, 1, #ARGV[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0
"""


class PlacedJob(NamedTuple):
    """A job, the job's place in the order of starts, and the stage."""

    place: int
    info: JobInfo
    stage: JobStage


class Listings:
    """Commands over the directory, and what their replies say."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def enter(self, info: JobInfo, on_busy: OnBusy, most: int, queue: QueueLimits) -> Command:
        keys = [*self._places(info), *self._requests(info)]
        about = (info.job_id, encoded(info), info.conversation_id)
        return script(_ENTER, keys, *about, on_busy, most, *astuple(queue), DAY)

    def begin(self, info: JobInfo, ended: Collection[str]) -> Command:
        return script(_BEGIN, self._places(info), info.job_id, *ended)

    def move_to_front(self, info: JobInfo) -> Command:
        return script(_TO_FRONT, [self._keys.queue(info.user)], info.job_id)

    def rank(self, info: JobInfo) -> Command:
        return command("HGET", self._keys.queue(info.user), info.job_id)

    def requeue(self, info: JobInfo, rank: int | None) -> Command:
        """Have a turn queued with that rank, or not queued."""
        conversation, _, queue = self._places(info)
        given = "" if rank is None else rank
        return script(_REQUEUE, [conversation, queue], info.job_id, given)

    def advance(self, info: JobInfo, stage: Literal["begun", "ended", "void"]) -> Command:
        about = (info.conversation_id, encoded(info), info.place)
        return script(_ADVANCE, self._places(info), info.job_id, stage[0], *about)

    def announce(self, info: JobInfo, stage: JobStage) -> list[Command]:
        """List a job that Redis lost, unless a listing is there, which is never older."""
        about = (info.conversation_id, encoded(info), info.place)
        announced = script(_ANNOUNCE, self._places(info)[:2], info.job_id, stage[0], *about)
        reached = [self.advance(info, stage)] if stage != "waiting" else []
        return [announced, *reached, *self._claim_request(info)]

    def free(self, info: JobInfo) -> list[Command]:
        """Let the job's request start another job."""
        naming = b'{"job_id":' + json.encode(info.job_id) + b","
        return [script(_FREE, [key], naming) for key in self._requests(info)]

    def _claim_request(self, info: JobInfo) -> list[Command]:
        """Name the job for its request again, unless the request has a job there."""
        value = encoded(info)
        return [Command(key, ("SET", key, value, "EX", DAY, "NX")) for key in self._requests(info)]

    def remove(self, info: JobInfo) -> list[Command]:
        places = self._places(info)
        leave = [Command(key, ("HDEL", key, info.job_id)) for key in places]
        return [*leave, *self.free(info)]

    def _places(self, info: JobInfo) -> list[bytes]:
        user, keys = info.user, self._keys
        conversation = keys.conversation(user, info.conversation_id)
        return [conversation, keys.running(user), keys.queue(user)]

    def _requests(self, info: JobInfo) -> list[bytes]:
        request = info.request_id
        return [] if request is None else [self._keys.request(info.user, request)]


def decision(reply: RedisReply) -> Entered | Joined | NotEntered:
    """The decision on `enter`.  Raises MsgspecError where this version cannot read a listing."""
    match [*array(reply)]:
        case [b"entered", before, place, queued]:
            placed = sorted(map(_placed, array(before)), key=_order)
            infos = [each.info for each in placed]
            return Entered(infos, number(place), bool(number(queued)))
        case [b"joined", first]:
            return Joined(decoded(text(first)))
        case [reason]:
            return convert({"reason": text(reason).decode()}, NotEntered)
        case other:
            raise DecodeError(f"a decision was expected; found {other!r:.80}")


def before_turn(reply: RedisReply) -> list[JobInfo]:
    """The jobs that must end before a turn begins, in the order of the reply."""
    return [_placed(value).info for value in array(reply)]


def listed(values: list[bytes], ranks: Mapping[bytes, bytes]) -> list[DirectoryEntry]:
    """A conversation's jobs in the order of their starts; `ranks`: of the queued turns, by id."""
    placed = sorted(map(_placed, values), key=_order)
    return [_entry(each, ranks.get(each.info.job_id.encode())) for each in placed]


def _entry(placed: PlacedJob, rank: bytes | None) -> DirectoryEntry:
    queued = None if rank is None else int(rank)
    return DirectoryEntry(info=placed.info, stage=placed.stage, rank=queued)


def _placed(value: RedisReply) -> PlacedJob:
    head, _, info = text(value).partition(b":")
    return PlacedJob(int(head[1:]), decoded(info), _STAGES[head[:1]])


def _order(placed: PlacedJob) -> tuple[int, str]:
    return placed.place, placed.info.job_id
