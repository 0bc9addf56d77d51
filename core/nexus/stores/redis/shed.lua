#!lua
-- Delete audit records from the front of a shard's chain, and write down that they were, if the last of them is there, or is
-- one of those that the archive alone has. KEYS: meta, the audit. ARGV: the anchor, its digest, the last one's number and its
-- hash, the number behind it, and '1' if the archive has them: a store that is archived lets go of no others.
local known = redis.call('HMGET', KEYS[1], 'archive', 'audit_kept', 'audit_trimmed')
if (known[1] or '') ~= '' and ARGV[6] ~= '1' then
  return 0
end
local upto, trimmed = tonumber(ARGV[3]), tonumber(known[3] or 0)
local last = redis.call('XRANGE', KEYS[2], ARGV[3] .. '-0', ARGV[3] .. '-0')[1]
local archived = upto > trimmed and upto <= tonumber(known[2] or 0)
if not archived and (not last or last[2][4] ~= ARGV[4]) then
  return 0
end
audit(KEYS[1], KEYS[2], ARGV[1], ARGV[2])
local deleted = redis.call('XTRIM', KEYS[2], 'MINID', ARGV[5] .. '-0')
if known[2] then
  redis.call('HSET', KEYS[1], 'audit_trimmed', ARGV[3])
  deleted = deleted + math.max(0, math.min(upto, tonumber(known[2])) - trimmed)
end
return deleted
