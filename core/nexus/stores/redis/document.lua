#!lua
-- Keep, replace or remove a document of the system, if it still is what the caller knows of.
-- KEYS: the documents of its kind, meta, the outbox, the audit. ARGV: name, '1' and its body or '0' and '' to remove it, '1' and the
-- body that is expected or '0' and '' for none, the kind, a token for the outbox, the audit entry or '', its digest. Answers 1; or 0 if it is another.
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
if ARGV[8] ~= '' then
  audit(KEYS[2], KEYS[4], ARGV[8], ARGV[9])
end
if ARGV[2] == '1' then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
else
  redis.call('HDEL', KEYS[1], ARGV[1])
end
if (redis.call('HGET', KEYS[2], 'archive') or '') ~= '' then
  redis.call('XADD', KEYS[3], '*', 't', ARGV[7], 'k', 'document', 'i', ARGV[6], 'n', ARGV[1], ARGV[2], ARGV[3])
end
return 1
