#!lua
-- What the archive does with one shard's outbox. KEYS 1-2 are meta and the outbox; ARGV[1] says what to do.
local call = redis.call
local META, OUTBOX = KEYS[1], KEYS[2]
local CHUNK = 2000

local function position_of(id, token)
  return id .. ' ' .. token
end

-- The fields of an entry as the stream holds them, flat; the first is the token.
local function token_of(entry)
  return entry[2][2]
end

local function append(token, fields)
  call('XADD', OUTBOX, '*', 't', token, unpack(fields))
end

-- Long lists go in several entries: Lua passes only so many arguments.
local function append_pairs(token, head, pairs_)
  for start = 1, #pairs_, CHUNK do
    local fields = {}
    for _, field in ipairs(head) do
      fields[#fields + 1] = field
    end
    for place = start, math.min(start + CHUNK - 1, #pairs_) do
      fields[#fields + 1] = pairs_[place]
    end
    append(token .. head[2] .. start, fields)
  end
end

local actions = {}

-- KEYS: the last event's number; ARGV: mark, '0' or '1' and what it is expected to be now
function actions.mark()
  local found = call('HGET', META, 'archive')
  local fits = found == ARGV[4]
  if ARGV[3] == '0' then
    fits = not found
  end
  if not fits then
    return 0
  end
  call('HSET', META, 'archive', ARGV[2], 'archive_since', call('GET', KEYS[3]) or '0')
  call('HDEL', META, 'archive_copied', 'archive_reached')
  call('DEL', OUTBOX)
  return 1
end

-- ARGV: position, its id, limit, the mark that the store must have
function actions.read()
  if call('HGET', META, 'archive') ~= ARGV[5] then
    return {-1, {}}
  end
  local reached = call('HGET', META, 'archive_reached') or ''
  local known, start = reached == ARGV[2], '-'
  if not known and ARGV[3] ~= '' then
    local found = call('XRANGE', OUTBOX, ARGV[3], ARGV[3])[1]
    if found and position_of(found[1], token_of(found)) == ARGV[2] then
      known, start = true, '(' .. ARGV[3]
    end
  end
  return {known and 1 or 0, call('XRANGE', OUTBOX, start, '+', 'COUNT', ARGV[4])}
end

-- KEYS: the last event's number; ARGV: position, the mark that the store must have, the least number that was given
function actions.again()
  if call('HGET', META, 'archive') ~= ARGV[3] then
    return 0
  end
  call('HSET', META, 'archive_reached', ARGV[2])
  call('HDEL', META, 'archive_copied')
  if tonumber(call('GET', KEYS[3]) or 0) < tonumber(ARGV[4]) then
    call('SET', KEYS[3], ARGV[4])
  end
  return 1
end

-- ARGV: position, the id behind it, its id
function actions.drop()
  local found = call('XRANGE', OUTBOX, ARGV[4], ARGV[4])[1]
  if not found or position_of(found[1], token_of(found)) ~= ARGV[2] then
    -- It is of a stream that was lost: numbers of this one say nothing about that one's.
    return 0
  end
  call('XTRIM', OUTBOX, 'MINID', ARGV[3])
  call('HSET', META, 'archive_reached', ARGV[2])
  return 1
end

-- KEYS: lease; ARGV: who, milliseconds
function actions.lead()
  local leader = call('GET', KEYS[3])
  if leader and leader ~= ARGV[2] then
    return 0
  end
  call('SET', KEYS[3], ARGV[2], 'PX', ARGV[3])
  return 1
end

-- KEYS: lease; ARGV: who
function actions.yield()
  if call('GET', KEYS[3]) == ARGV[2] then
    call('DEL', KEYS[3])
  end
  return 1
end

-- KEYS: lease, the last event's number; ARGV: who, milliseconds, number
function actions.begin()
  if call('HGET', META, 'archive') or actions.lead() == 0 then
    return 0
  end
  call('HSET', META, 'restoring', ARGV[2])
  if tonumber(call('GET', KEYS[4]) or 0) < tonumber(ARGV[4]) then
    call('SET', KEYS[4], ARGV[4])
  end
  return 1
end

-- KEYS: lease; ARGV: who, milliseconds
function actions.keep()
  if call('HGET', META, 'restoring') ~= ARGV[2] then
    return 0
  end
  return actions.lead()
end

-- KEYS: lease, counters, counters of groups; ARGV: who, mark, position, layout, then names and values of counters
function actions.finish()
  if call('HGET', META, 'restoring') ~= ARGV[2] or call('HGET', META, 'archive') then
    return 0
  end
  for place = 6, #ARGV, 2 do
    local key = string.sub(ARGV[place], 1, 6) == 'group:' and KEYS[5] or KEYS[4]
    call('HINCRBYFLOAT', key, ARGV[place], ARGV[place + 1])
  end
  call('HSETNX', META, 'layout', ARGV[5])
  call('HSET', META, 'archive', ARGV[3], 'archive_reached', ARGV[4], 'archive_copied', 'done')
  call('HDEL', META, 'restoring')
  call('DEL', KEYS[3])
  return 1
end

-- KEYS: record, checkpoints, their states, journal, inbox; ARGV: token, session
function actions.session()
  local token, id = ARGV[2], ARGV[3]
  local found = call('HMGET', KEYS[3], 'v', 'd', 's', 'r')
  if not found[2] then
    return 0
  end
  local fields = {'k', 'session', 'i', id, 'v', found[1], 'd', found[2], 's', found[3]}
  if found[4] then
    fields[#fields + 1] = 'r'
    fields[#fields + 1] = found[4]
  end
  append(token, fields)
  for _, number in ipairs(call('HKEYS', KEYS[4])) do
    fields = {'k', 'checkpoint', 'i', id, 'n', number, 'd', call('HGET', KEYS[4], number)}
    local state = call('HGET', KEYS[5], number)
    if state then
      fields[#fields + 1] = 's'
      fields[#fields + 1] = state
    end
    append(token .. 'c' .. number, fields)
  end
  local flat, journal = call('HGETALL', KEYS[6]), {}
  for place = 1, #flat, 2 do
    if flat[place] ~= '' then
      journal[#journal + 1] = {flat[place], flat[place + 1], tonumber(string.match(flat[place + 1], '^%d+'))}
    end
  end
  table.sort(journal, function(one, other) return one[3] < other[3] end)
  local sorted = {}
  for _, entry in ipairs(journal) do
    sorted[#sorted + 1] = entry[1]
    sorted[#sorted + 1] = entry[2]
  end
  append_pairs(token, {'k', 'journal', 'i', id, 'v', found[1]}, sorted)
  append_pairs(token, {'k', 'inbox', 'i', id, 'v', found[1]}, call('HGETALL', KEYS[7]))
  return 1
end

-- KEYS: groups; ARGV: token, group
function actions.group()
  local found = call('HMGET', KEYS[3], 'v:' .. ARGV[3], 'd:' .. ARGV[3])
  if found[2] then
    append(ARGV[2], {'k', 'group', 'i', ARGV[3], 'v', found[1], 'd', found[2]})
  end
  return 1
end

-- KEYS: claims, their owners; ARGV: token, names
function actions.claims()
  local found = {}
  for place = 3, #ARGV do
    local value = call('HGET', KEYS[3], ARGV[place])
    if value then
      found[#found + 1] = ARGV[place]
      found[#found + 1] = (call('HGET', KEYS[4], ARGV[place]) or '') .. '\0' .. value
    end
  end
  append_pairs(ARGV[2], {'k', 'claims'}, found)
  return 1
end

-- KEYS: counters; ARGV: token, names
function actions.counters()
  local found = {}
  for place = 3, #ARGV do
    local value = call('HGET', KEYS[3], ARGV[place])
    if value then
      found[#found + 1] = ARGV[place]
      found[#found + 1] = value
    end
  end
  append_pairs(ARGV[2], {'k', 'counters'}, found)
  return 1
end

-- ARGV: token, what is copied from its beginning
function actions.reset()
  append(ARGV[2], {'k', 'reset', 'i', ARGV[3]})
  return 1
end

-- KEYS: documents of a kind; ARGV: token, the kind
function actions.documents()
  local flat = call('HGETALL', KEYS[3])
  for place = 1, #flat, 2 do
    append(ARGV[2] .. place, {'k', 'document', 'i', ARGV[3], 'n', flat[place], '1', flat[place + 1]})
  end
  return 1
end

-- ARGV: token, the documents of the events
function actions.events()
  append(ARGV[2], {'k', 'events', 'b', ARGV[3]})
  return 1
end

return actions[ARGV[1]]()
