#!lua
-- Delete audit records from the front of a shard's chain, and write down that they were, if the last of them is there.
-- KEYS: meta, the audit. ARGV: the anchor, its digest, the last one's number and its hash, and the number behind it.
local last = redis.call('XRANGE', KEYS[2], ARGV[3] .. '-0', ARGV[3] .. '-0')[1]
if not last or last[2][4] ~= ARGV[4] then
  return 0
end
audit(KEYS[1], KEYS[2], ARGV[1], ARGV[2])
return redis.call('XTRIM', KEYS[2], 'MINID', ARGV[5] .. '-0')
