#!lua
-- Keep, replace or remove a document of the system, if it still is what the caller knows of.
-- KEYS: the documents of its kind. ARGV: name, '1' and its body or '0' and '' to remove it, '1' and the body that is
-- expected or '0' and '' for none. Answers 1; or 0 and what is there, if anything.
local found = redis.call('HGET', KEYS[1], ARGV[1])
local as_wanted = (ARGV[2] == '1' and found == ARGV[3]) or (ARGV[2] == '0' and not found)
if as_wanted then
  -- Sent again after its answer was lost, or in vain: it is as it should be.
  return 1
end
local as_expected = (ARGV[4] == '1' and found == ARGV[5]) or (ARGV[4] == '0' and not found)
if not as_expected then
  return 0
end
if ARGV[2] == '1' then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
else
  redis.call('HDEL', KEYS[1], ARGV[1])
end
return 1
