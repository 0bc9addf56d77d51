#!lua
-- Delete events of one session that is gone.
-- KEYS: its record, its events, the sessions that are gone, the stream, then the events of groups.
-- ARGV: session, how many events it had when they were looked at, the time of the oldest that is left ('' for
-- none), then for each event: its entry, its number, the place in KEYS of its group's events (0 for none).
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('ZREM', KEYS[3], ARGV[1])
  return 0
end
local before = redis.call('ZCARD', KEYS[2])
local deleted = 0
for place = 4, #ARGV, 3 do
  local entry, seq, group = ARGV[place], ARGV[place + 1], tonumber(ARGV[place + 2])
  deleted = deleted + redis.call('ZREM', KEYS[2], entry)
  redis.call('XDEL', KEYS[4], seq .. '-0')
  if group > 0 then
    redis.call('ZREM', KEYS[group], seq)
  end
end
if redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('ZREM', KEYS[3], ARGV[1])
else
  -- An event that came meanwhile may be older than any that was looked at: look again soon.
  local oldest = (before == tonumber(ARGV[2]) and ARGV[3] ~= '') and ARGV[3] or 0
  redis.call('ZADD', KEYS[3], oldest, ARGV[1])
end
return deleted
