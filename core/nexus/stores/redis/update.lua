#!lua
-- The next version of one session that moves in no index but those by time: what most commits are, with the fewest commands.
-- updates.py sends it. What it can't do it leaves to commit.lua, by answering -3 before anything is written; the rest of its
-- answers are the same.
--
-- KEYS 1-9 are the store's; 10 is the place of this commit's number, 11 the record, 12 the session's events. Then come those of
-- its group if it has one, and, if more than the record changes, its checkpoints, their states and its journal.
-- ARGV 1-17 are named below; then come events as time and document, counters as name and delta, and the documents of the rest.
local SEQ, STREAM, COUNTERS, ACTIVITY, DUE, META, OUTBOX, GROUP_COUNTERS, AUDIT = 1, 2, 3, 4, 5, 6, 7, 8, 9
local DONE, RECORD, EVENTS, NEXT = 10, 11, 12, 13
local number, mark, expected, version, session = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local activity, due, group, run, archived, remembered = ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11]
local ENTRIES, DOCUMENT, STATE, ENTRY, DIGEST, COUNTS, REST = 12, 13, 14, 15, 16, 17, 18

local call = redis.call

local done = call('GET', KEYS[DONE])
if done then
  local last, first = string.match(done, '^(%d+) (%d+)$')
  if tonumber(last) >= tonumber(number) then
    return {tonumber(first)}
  end
end
local marked = call('HGET', KEYS[META], 'archive')
if (marked or '') ~= mark then
  return {-2, marked}
end
local found = call('HMGET', KEYS[RECORD], 'v', 'x', 'a')
if found[1] ~= expected then
  local current = call('HMGET', KEYS[RECORD], 'd', 's', 'r')
  return {-1, 1, current[1], current[2], current[3], false, false}
end
if found[2] ~= ARGV[ENTRIES] then
  return {-3}
end

audit(KEYS[META], KEYS[AUDIT], ARGV[ENTRY], ARGV[DIGEST])
if found[3] ~= activity then
  call('ZREM', KEYS[ACTIVITY], found[3])
  call('ZADD', KEYS[ACTIVITY], 0, activity)
end
if due ~= '' then
  call('ZADD', KEYS[DUE], due, session)
end
if run == '' then
  call('HSET', KEYS[RECORD], 'v', version, 'd', ARGV[DOCUMENT], 's', ARGV[STATE], 'a', activity)
else
  call('HSET', KEYS[RECORD], 'v', version, 'd', ARGV[DOCUMENT], 's', ARGV[STATE], 'a', activity, 'r', run)
end

-- How many events and counters there are, and then, if there is more: checkpoints to drop and to store, journal entries
-- to drop and to store.
local counts = ARGV[COUNTS]
local events, counters, more
if counts == '1' then
  events, counters = 1, 0
else
  local lists = cmsgpack.unpack(counts)
  events, counters, more = lists[1], lists[2], lists[3]
end
local place = REST
local first = '0'
for _ = 1, events do
  local seq = string.format('%.0f', call('INCR', KEYS[SEQ]))
  call('XADD', KEYS[STREAM], seq .. '-0', 'd', ARGV[place + 1])
  call('ZADD', KEYS[EVENTS], seq, seq .. ':' .. ARGV[place] .. ':' .. group)
  if group ~= '' then
    call('ZADD', KEYS[NEXT], seq, seq)
  end
  if first == '0' then
    first = seq
  end
  place = place + 2
end
for _ = 1, counters do
  local key = string.sub(ARGV[place], 1, 6) == 'group:' and GROUP_COUNTERS or COUNTERS
  call('HINCRBYFLOAT', KEYS[key], ARGV[place], ARGV[place + 1])
  place = place + 2
end

if more then
  local at = group == '' and NEXT or NEXT + 1
  local checkpoints, states, journal = KEYS[at], KEYS[at + 1], KEYS[at + 2]
  for _, dropped in ipairs(more[1]) do
    local kept = call('HGET', checkpoints, dropped)
    if kept and string.sub(kept, 1, 1) == '0' then
      call('HDEL', checkpoints, dropped)
      call('HDEL', states, dropped)
    end
  end
  for _, saved in ipairs(more[2]) do
    call('HSET', checkpoints, saved[1], ARGV[saved[2]])
    if saved[3] > 0 then
      call('HSET', states, saved[1], ARGV[saved[3]])
    end
  end
  for _, field in ipairs(more[3]) do
    call('HDEL', journal, field)
  end
  for _, entry in ipairs(more[4]) do
    local order = call('HINCRBY', journal, '', 1)
    call('HSET', journal, entry[1], order .. ':' .. ARGV[entry[2]])
  end
end

if archived ~= '' then
  local token = string.match(KEYS[DONE], '(%x+):%d+$') .. '-' .. number
  call('XADD', KEYS[OUTBOX], '*', 't', token, 's', first, 'b', archived)
end
call('SET', KEYS[DONE], number .. ' ' .. first, 'EX', remembered)
return {tonumber(first)}
