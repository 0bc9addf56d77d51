#!lua
-- Write down what changes nothing. KEYS: meta, the audit. ARGV: the entry, its digest.
-- One that is the last already was sent again after its answer was lost.
local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
if not newest or newest[2][2] ~= ARGV[1] then
  audit(KEYS[1], KEYS[2], ARGV[1], ARGV[2])
end
return 1
