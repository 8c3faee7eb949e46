"""Changes of a job's stream: a script looks at the last entry and decides.

The last entry alone says who owns the job, since which epoch, and how far the log goes.
"""

from typing import Final

from legato.storage.redis.connection.commands import LuaScript

VERSION: Final = 1
"""The version of the form in which events are kept: a JSON array, as msgspec writes events."""

# `top` has the last entry's fields, its `epoch` and `seq`, and `kept`: the position of the last
# event, which is in `n`, or, for events without `n`, in the entry's id.  Where the last entry is a
# former version's claim or mark, the events before tell the position.
_LOOK: Final = """
local function look()
  local from, top = '+', nil
  repeat
    local found = redis.call('XREVRANGE', KEYS[1], from, '-', 'COUNT', 1)[1]
    if not found then
      if top then top.kept = 0 end
      return top
    end
    local entry, fields = {}, found[2]
    for at = 1, #fields, 2 do entry[fields[at]] = fields[at + 1] end
    local epoch, seq = string.match(found[1], '^(%d+)-(%d+)$')
    if not top then
      top = entry
      top.epoch, top.seq = tonumber(epoch), tonumber(seq)
    end
    top.kept = tonumber(entry.n) or (entry.e and tonumber(seq))
    from = '(' .. found[1]
  until top.kept
  return top
end
local function add(id, says, done_epoch)
  if done_epoch then
    says[#says + 1] = 's'
    says[#says + 1] = done_epoch
  end
  redis.call('XADD', KEYS[1], id, unpack(says))
end
local top = look()
"""

# The cost of a token, paid for many streams at once: to call a script costs as much as the script.
# Arguments: owner; then for each key the epoch and the position of the last event as an id, the
# position of the first, events, and the stream's length after the owner's last entry.  An equal
# length means: nothing came between and nothing was lost.  The replies are the new lengths; 0 where
# nothing was added, and `append` has to decide.
_FOLLOW: Final = """
local lengths = {}
for at = 1, #KEYS do
  local here = 4 * at - 2
  local length, added = ARGV[here + 3] + 0, 0
  if redis.call('XLEN', KEYS[at]) == length then
    local reply = redis.pcall('XADD', KEYS[at], ARGV[here],
      'o', ARGV[1], 'v', VERSION, 'f', ARGV[here + 1], 'e', ARGV[here + 2])
    if not reply.err then added = length + 1 end
  end
  lengths[at] = added
end
return lengths
"""
FOLLOW: Final = LuaScript(_FOLLOW.replace("VERSION", str(VERSION)))

# Arguments: the epoch and the position of the last event as an id, owner, position of the first,
# events, and 1 if the job is in its owner's set: without the 1 a later epoch changes no owner.  The
# reply is the number of entries; 0 for a done job, whose every entry carries the mark.
_APPEND: Final = (
    _LOOK
    + """
if not top then return 'forgotten' end
local epoch, last = string.match(ARGV[1], '^(%d+)-(%d+)$')
local same, position = top.epoch == tonumber(epoch), tonumber(last)
if top.epoch > tonumber(epoch) or (same and top.o ~= ARGV[2]) then return 'fenced' end
if top.t or tonumber(ARGV[3]) > top.kept + 1 then return 'forgotten' end
if not same and top.o ~= ARGV[2] and ARGV[5] ~= '1' then return 'forgotten' end
if position < tonumber(ARGV[3]) then
  if not same then
    add(epoch .. '-0', {'o', ARGV[2], 'n', string.format('%d', top.kept)}, top.s)
  end
elseif not (same and top.seq > 0 and position <= top.kept) then
  local says = {'o', ARGV[2], 'v', VERSION, 'f', ARGV[3], 'e', ARGV[4]}
  local seq = last
  if same and position <= top.seq then
    seq = string.format('%d', top.seq + 1)
    says[#says + 1] = 'n'
    says[#says + 1] = last
  end
  add(epoch .. '-' .. seq, says, top.s)
end
return top.s and 0 or redis.call('XLEN', KEYS[1])
"""
)
APPEND: Final = LuaScript(_APPEND.replace("VERSION", str(VERSION)))

# Arguments: epoch, owner, listing or nothing.  A stream that is there stays, unless it is a
# tombstone: its last owner may begin again.  1 where the stream was made.
MAKE: Final = LuaScript(
    _LOOK
    + """
local epoch = tonumber(ARGV[1])
if top then
  local same = top.epoch == epoch and top.o == ARGV[2]
  if not (top.t and (same or top.epoch < epoch)) then return 0 end
  redis.call('DEL', KEYS[1])
end
local says = {'o', ARGV[2], 'n', '0'}
if ARGV[3] ~= '' then
  says[#says + 1] = 'l'
  says[#says + 1] = ARGV[3]
end
add(ARGV[1] .. '-0', says)
return 1
"""
)

# Arguments: the former owner, its epoch, the new owner.  Replies how often the job was taken over
# since the last append, and the epoch of the mark "done" or 0; nothing where another was faster.
CLAIM: Final = LuaScript(
    _LOOK
    + """
if not top or top.t or top.o ~= ARGV[1] or top.epoch ~= tonumber(ARGV[2]) then return false end
local attempts = (tonumber(top.a) or 0) + 1
local says = {'o', ARGV[3], 'n', string.format('%d', top.kept)}
says[#says + 1] = 'a'
says[#says + 1] = string.format('%d', attempts)
add(string.format('%d-0', top.epoch + 1), says, top.s)
return {attempts, tonumber(top.s) or 0}
"""
)

# Arguments: owner, seconds to live.  1 where the owner has the job; 0 where there is no stream.
MARK_DONE: Final = LuaScript(
    _LOOK
    + """
if not top then return 0 end
if top.t or top.o ~= ARGV[1] then return -1 end
local epoch = string.format('%d', top.epoch)
if (tonumber(top.s) or 0) < top.epoch then
  local says = {'o', top.o, 'n', string.format('%d', top.kept)}
  add(epoch .. '-' .. string.format('%d', top.seq + 1), says, epoch)
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""
)

# Arguments: owner or nothing for any, seconds for a tombstone to live.
FORGET: Final = LuaScript(
    _LOOK
    + """
if not top or top.t or (ARGV[1] ~= '' and top.o ~= ARGV[1]) then return 0 end
if top.epoch == 1 then return redis.call('UNLINK', KEYS[1]) end
local id = string.format('%d-%d', top.epoch, top.seq + 1)
redis.call('XADD', KEYS[1], 'MAXLEN', 1, id, 'o', top.o, 'n', 0, 't', 1)
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""
)

# Arguments: owner, seconds to live.  Makes a tombstone where nothing is, above every entry that a
# late first owner could add.
BAR: Final = LuaScript(
    """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('XADD', KEYS[1], '2-0', 'o', ARGV[1], 'n', 0, 't', 1)
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""
)
