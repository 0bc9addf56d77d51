#!lua
-- One commit, whole or not at all: everything is compared before anything is written.
--
-- ARGV[1] is MessagePack: {number, seconds to remember it, changes, the archive's mark or '', the place of what goes to the archive
-- or false}; commits.py has the shape of a change. Documents are opaque bytes, named by their place in ARGV. KEYS 1-22 are those
-- of the store, in the order of keys.py, with the place of this commit's number; the keys behind them are named by their place in KEYS.
local SEQ, STREAM, COUNTERS, GROUP_COUNTERS, CLAIMS, OWNERS, GROUPS, MEMBERS, GONE = 1, 2, 3, 4, 5, 6, 7, 8, 9
local FIRST_INDEX, INDEXES, GROUP_INDEX, DONE, META, OUTBOX, AUDIT = 9, 8, 18, 19, 20, 21, 22
local ACTIVITY, DUE, MEMBER, HAS_RUN = 2, 7, 9, 10
local RECORD, CHECKPOINTS, STATES, JOURNAL, INBOX, CLAIMED = 0, 1, 2, 3, 4, 5

local call = redis.call
local commit = cmsgpack.unpack(ARGV[1])
local number, remembered, changes, mark, archived = commit[1], commit[2], commit[3], commit[4], commit[5]

-- A place is given to another number only when no copy of the one before it can still be on its way, so one that comes late is old.
local done = call('GET', KEYS[DONE])
if done then
  local last, first = string.match(done, '^(%d+) (%d+)$')
  if tonumber(last) >= number then
    return {tonumber(first)}
  end
end
local marked = call('HGET', KEYS[META], 'archive')
if (marked or '') ~= mark then
  return {-2, marked}
end

-- What is there, and what the changes before the one in hand would have made of it.
local versions, group_versions, claims, messages = {}, {}, {}, {}
-- The index entries of each session as they are stored, packed, and the one that moves most beside them; false for none.
local entries, activities = {}, {}

local function version_of(change)
  local id = change.session
  if versions[id] == nil then
    local found = call('HMGET', KEYS[change.at + RECORD], 'v', 'x', 'a')
    versions[id] = found[1] and tonumber(found[1])
    entries[id], activities[id] = found[2], found[3]
  end
  return versions[id]
end

local function group_version_of(id)
  if group_versions[id] == nil then
    local found = call('HGET', KEYS[GROUPS], 'v:' .. id)
    group_versions[id] = found and tonumber(found)
  end
  return group_versions[id]
end

local function claimed(key)
  if claims[key] == nil then
    claims[key] = call('HGET', KEYS[CLAIMS], key)
  end
  return claims[key]
end

local function waits(change, id)
  local place = change.session .. '\0' .. id
  if messages[place] == nil then
    messages[place] = call('HEXISTS', KEYS[change.at + INBOX], id) == 1
  end
  return messages[place]
end

local function conflict(place, change, key, value)
  local found = {false, false, false}
  if change.session then
    found = call('HMGET', KEYS[change.at + RECORD], 'd', 's', 'r')
  end
  return {-1, place, found[1], found[2], found[3], key or false, value or false}
end

for place, change in ipairs(changes) do
  if change.session then
    if version_of(change) ~= change.expected then
      return conflict(place, change)
    end
    for _, id in ipairs(change.take or {}) do
      if not waits(change, id) then
        return conflict(place, change)
      end
      messages[change.session .. '\0' .. id] = false
    end
    for _, message in ipairs(change.put or {}) do
      messages[change.session .. '\0' .. message[1]] = true
    end
    versions[change.session] = change.record and change.record[1] or false
  end
  if change.group then
    if group_version_of(change.group) ~= change.expected then
      return conflict(place, change)
    end
    group_versions[change.group] = change.group_record and change.group_record[1] or false
  end
  for _, claim in ipairs(change.claims or {}) do
    local value = claimed(claim[1])
    if value ~= claim[3] then
      return conflict(place, change, claim[1], value)
    end
    claims[claim[1]] = claim[2]
  end
end

local NOTHING = {'', '', '', '', '', '', '', '', '', ''}

local function unpacked(packed, activity)
  local found = cmsgpack.unpack(packed)
  found[ACTIVITY] = activity
  return found
end

local function move(id, old, new)
  for index = 1, INDEXES do
    if index ~= DUE and old[index] ~= new[index] then
      if old[index] ~= '' then
        call('ZREM', KEYS[FIRST_INDEX + index], old[index])
      end
      if new[index] ~= '' then
        call('ZADD', KEYS[FIRST_INDEX + index], 0, new[index])
      end
    end
  end
  if old[DUE] ~= '' and new[DUE] == '' then
    call('ZREM', KEYS[FIRST_INDEX + DUE], id)
  end
  local was, is = old[MEMBER], new[MEMBER]
  if was ~= is then
    if was ~= '' and call('HINCRBY', KEYS[MEMBERS], was, -1) <= 0 then
      call('HDEL', KEYS[MEMBERS], was)
    end
    if is ~= '' then
      call('HINCRBY', KEYS[MEMBERS], is, 1)
    end
  end
end

local function put_record(change)
  local key, record, id = KEYS[change.at + RECORD], change.record, change.session
  local old, new, activity = entries[id], ARGV[record[5]], ARGV[record[6]]
  local had_run = false
  if old ~= new or activities[id] ~= activity then
    local before = old and unpacked(old, activities[id]) or NOTHING
    move(id, before, unpacked(new, activity))
    had_run = before[HAS_RUN] == '1'
    entries[id], activities[id] = new, activity
  end
  if record[7] then
    call('ZADD', KEYS[FIRST_INDEX + DUE], record[7], id)
  end
  if not old then
    call('ZREM', KEYS[GONE], id)
  end
  call('HSET', key, 'v', record[1], 'd', ARGV[record[2]], 's', ARGV[record[3]], 'x', new, 'a', activity)
  if record[4] then
    call('HSET', key, 'r', ARGV[record[4]])
  elseif had_run then
    call('HDEL', key, 'r')
  end
end

local function put_belongings(change)
  local at = change.at
  for _, field in ipairs(change.drop_journal or {}) do
    call('HDEL', KEYS[at + JOURNAL], field)
  end
  for _, entry in ipairs(change.journal or {}) do
    local order = call('HINCRBY', KEYS[at + JOURNAL], '', 1)
    call('HSET', KEYS[at + JOURNAL], entry[1], order .. ':' .. ARGV[entry[2]])
  end
  for _, id in ipairs(change.take or {}) do
    call('HDEL', KEYS[at + INBOX], id)
  end
  for _, message in ipairs(change.put or {}) do
    call('HSET', KEYS[at + INBOX], message[1], ARGV[message[2]])
  end
end

local function put_checkpoints(change)
  for _, checkpoint in ipairs(change.drop_checkpoints or {}) do
    local kept = call('HGET', KEYS[change.at + CHECKPOINTS], checkpoint)
    if kept and string.sub(kept, 1, 1) == '0' then
      call('HDEL', KEYS[change.at + CHECKPOINTS], checkpoint)
      call('HDEL', KEYS[change.at + STATES], checkpoint)
    end
  end
  for _, checkpoint in ipairs(change.checkpoints or {}) do
    local at = checkpoint[1]
    if call('EXISTS', KEYS[at + RECORD]) == 1 then
      call('HSET', KEYS[at + CHECKPOINTS], checkpoint[2], ARGV[checkpoint[3]])
      if checkpoint[4] then
        call('HSET', KEYS[at + STATES], checkpoint[2], ARGV[checkpoint[4]])
      end
    end
  end
end

local function put_claim(change, claim)
  if claim[2] then
    call('HSET', KEYS[CLAIMS], claim[1], claim[2])
    if change.session then
      call('HSET', KEYS[OWNERS], claim[1], change.session)
      call('SADD', KEYS[change.at + CLAIMED], claim[1])
    else
      call('HDEL', KEYS[OWNERS], claim[1])
    end
  else
    call('HDEL', KEYS[CLAIMS], claim[1])
    call('HDEL', KEYS[OWNERS], claim[1])
    if change.session then
      call('SREM', KEYS[change.at + CLAIMED], claim[1])
    end
  end
end

local function delete(change)
  local at = change.at
  if entries[change.session] then
    move(change.session, unpacked(entries[change.session], activities[change.session]), NOTHING)
    entries[change.session], activities[change.session] = false, false
  end
  for _, key in ipairs(call('SMEMBERS', KEYS[at + CLAIMED])) do
    -- Another session may have taken the claim over since.
    if call('HGET', KEYS[OWNERS], key) == change.session then
      call('HDEL', KEYS[CLAIMS], key)
      call('HDEL', KEYS[OWNERS], key)
    end
  end
  call('DEL', KEYS[at + RECORD], KEYS[at + CHECKPOINTS], KEYS[at + STATES], KEYS[at + JOURNAL],
    KEYS[at + INBOX], KEYS[at + CLAIMED])
  -- Its events may be trimmed from now on; the first look finds out when.
  if change.events_at and call('EXISTS', KEYS[change.events_at]) == 1 then
    call('ZADD', KEYS[GONE], 0, change.session)
  end
end

local function put_group(change)
  local id, record = change.group, change.group_record
  local old = call('HGET', KEYS[GROUPS], 'x:' .. id)
  if old and not (record and ARGV[record[3]] == old) then
    call('ZREM', KEYS[GROUP_INDEX], old)
  end
  if record then
    call('HSET', KEYS[GROUPS], 'v:' .. id, record[1], 'd:' .. id, ARGV[record[2]], 'x:' .. id, ARGV[record[3]])
    call('ZADD', KEYS[GROUP_INDEX], 0, ARGV[record[3]])
  else
    call('HDEL', KEYS[GROUPS], 'v:' .. id, 'd:' .. id, 'x:' .. id)
  end
end

local function append(event)
  -- {session, its events, group, its events or false, its record, time, document}
  local seq = call('INCR', KEYS[SEQ])
  call('XADD', KEYS[STREAM], string.format('%.0f-0', seq), 'd', ARGV[event[7]])
  call('ZADD', KEYS[event[2]], seq, string.format('%.0f:', seq) .. event[6] .. ':' .. event[3])
  if event[4] then
    call('ZADD', KEYS[event[4]], seq, string.format('%.0f', seq))
  end
  return seq
end

-- First of all that is written, so that an end that can't be written to leaves nothing half done.
for _, change in ipairs(changes) do
  if change.audit then
    audit(KEYS[META], KEYS[AUDIT], ARGV[change.audit[1]], change.audit[2])
  end
end

for _, change in ipairs(changes) do
  if change.record then
    put_record(change)
  end
  if change.record and change.belongings then
    put_belongings(change)
  end
  put_checkpoints(change)
  for _, claim in ipairs(change.claims or {}) do
    put_claim(change, claim)
  end
  if change.session and not change.record then
    delete(change)
  end
  if change.group then
    put_group(change)
  end
  for _, counter in ipairs(change.counters or {}) do
    local key = string.sub(counter[1], 1, 6) == 'group:' and GROUP_COUNTERS or COUNTERS
    call('HINCRBYFLOAT', KEYS[key], counter[1], counter[2])
  end
end

local first
for _, change in ipairs(changes) do
  for _, event in ipairs(change.events or {}) do
    local seq = append(event)
    first = first or seq
    local stored = versions[event[1]]
    if stored == nil then
      stored = call('EXISTS', KEYS[event[5]]) == 1
    end
    if not stored then
      call('ZADD', KEYS[GONE], 'LT', event[6], event[1])
    end
  end
end
first = first or 0
if archived then
  local token = string.match(KEYS[DONE], '(%x+):%d+$') .. '-' .. string.format('%.0f', number)
  call('XADD', KEYS[OUTBOX], '*', 't', token, 's', string.format('%.0f', first), 'b', ARGV[archived])
end

call('SET', KEYS[DONE], string.format('%.0f %.0f', number, first), 'EX', remembered)
return {first}
