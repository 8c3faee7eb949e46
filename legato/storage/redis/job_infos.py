"""A user's part of the directory: each change is one script over the user's keys.

The value of a job in its conversation's hash is `<stage><place>:<listing>`: the first letter of the
stage, the place in the order of starts, and the listing as JSON.
"""

from typing import Final, Literal, NamedTuple

from msgspec import json

from legato.config import OnBusy
from legato.storage.contracts.replication import (
    DirectoryEntry,
    Entered,
    JobInfo,
    JobStage,
    Joined,
    NotEntered,
)
from legato.storage.redis.connection.commands import (
    Command,
    RedisReply,
    array,
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

# Keys: conversation, running, request.  Arguments: job id, listing, conversation id, on_busy,
# max_per_user, seconds for the request.  A job that is there already was entered by an earlier call
# of this entry, whose success was not heard.
_ENTER: Final = """
local job, listing, conversation, on_busy = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local mine = redis.call('HGET', KEYS[1], job)
local first = not mine and KEYS[3] and redis.call('GET', KEYS[3])
if first then return {'joined', first} end
local found, before, places = redis.call('HGETALL', KEYS[1]), {}, 0
local until_place = mine and tonumber(string.match(mine, '^%a(%d+)')) or math.huge
for at = 2, #found, 2 do
  local stage, place = string.match(found[at], '^(%a)(%d+)')
  place = tonumber(place)
  places = math.max(places, place)
  if (stage == 'w' or stage == 'b') and place < until_place and found[at - 1] ~= job then
    table.insert(before, found[at])
  end
end
if mine then return {'entered', before, until_place} end
if on_busy == 'reject' and #before > 0 then return {'busy'} end
local running = redis.call('HLEN', KEYS[2])
if on_busy == 'interrupt' then running = running - #before end
if running >= tonumber(ARGV[5]) then return {'too_many'} end
redis.call('HSET', KEYS[1], job, 'w' .. string.format('%d', places + 1) .. ':' .. listing)
redis.call('HSET', KEYS[2], job, conversation)
if KEYS[3] then redis.call('SET', KEYS[3], listing, 'EX', ARGV[6]) end
return {'entered', before, places + 1}
"""

# Keys: conversation, running.  Arguments: job id, letter of the stage, conversation id, listing,
# place.  Stages only advance: a late former owner cannot move a job back.
_ADVANCE: Final = """
local rank = {w = 0, b = 1, e = 2, v = 3}
local job, stage = ARGV[1], ARGV[2]
local value = redis.call('HGET', KEYS[1], job)
if not value and stage ~= 'b' then return 0 end
value = value or ('w' .. ARGV[5] .. ':' .. ARGV[4])
if rank[string.sub(value, 1, 1)] >= rank[stage] then return 0 end
redis.call('HSET', KEYS[1], job, stage .. string.sub(value, 2))
if stage == 'b' then redis.call('HSET', KEYS[2], job, ARGV[3])
else redis.call('HDEL', KEYS[2], job) end
return 1
"""

# Keys and arguments: as above.
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

    def enter(self, info: JobInfo, on_busy: OnBusy, most: int) -> Command:
        keys = [*self._places(info), *self._requests(info)]
        about = (info.job_id, encoded(info), info.conversation_id)
        return script(_ENTER, keys, *about, on_busy, most, DAY)

    def advance(self, info: JobInfo, stage: Literal["begun", "ended", "void"]) -> Command:
        about = (info.conversation_id, encoded(info), info.place)
        return script(_ADVANCE, self._places(info), info.job_id, stage[0], *about)

    def announce(self, info: JobInfo, stage: JobStage) -> list[Command]:
        """List a job that Redis lost, unless a listing is there, which is never older."""
        about = (info.conversation_id, encoded(info), info.place)
        announced = script(_ANNOUNCE, self._places(info), info.job_id, stage[0], *about)
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
        user = info.user
        return [self._keys.conversation(user, info.conversation_id), self._keys.running(user)]

    def _requests(self, info: JobInfo) -> list[bytes]:
        request = info.request_id
        return [] if request is None else [self._keys.request(info.user, request)]


def decision(reply: RedisReply) -> Entered | Joined | NotEntered:
    """The decision on `enter`.  Raises MsgspecError where this version cannot read a listing."""
    match [*array(reply)]:
        case [b"entered", before, place]:
            placed = sorted(map(_placed, array(before)), key=_order)
            return Entered([each.info for each in placed], number(place))
        case [b"joined", first]:
            return Joined(decoded(text(first)))
        case [b"busy"]:
            return NotEntered("busy")
        case _:
            return NotEntered("too_many")


def listed(values: list[bytes]) -> list[DirectoryEntry]:
    """A conversation's jobs in the order of their starts."""
    placed = sorted(map(_placed, values), key=_order)
    return [DirectoryEntry(info=each.info, stage=each.stage) for each in placed]


def _placed(value: RedisReply) -> PlacedJob:
    head, _, info = text(value).partition(b":")
    return PlacedJob(int(head[1:]), decoded(info), _STAGES[head[:1]])


def _order(placed: PlacedJob) -> tuple[int, str]:
    return placed.place, placed.info.job_id
