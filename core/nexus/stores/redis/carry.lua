#!lua
-- Let a shard's audit chain go on behind what the archive has of it, after the shard has lost its data.
-- KEYS: meta, the audit. ARGV: the archive's last record as number and hash, the last that was trimmed, how many records the shard
-- has by now, then the entry and the digest of each: written since the loss, they come behind the archive's.
if redis.call('HGET', KEYS[1], 'archive') or redis.call('HGET', KEYS[1], 'audit_kept') then
  return 1
end
if redis.call('XLEN', KEYS[2]) ~= tonumber(ARGV[4]) then
  return 0
end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[1], 'audit_seq', ARGV[1], 'audit_hash', ARGV[2], 'audit_kept', ARGV[1], 'audit_trimmed', ARGV[3])
for place = 5, #ARGV, 2 do
  audit(KEYS[1], KEYS[2], ARGV[place], ARGV[place + 1])
end
return 1
