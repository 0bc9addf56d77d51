#!lua
-- Write down what changes nothing. KEYS: meta, the audit. ARGV: the entry, its digest.
-- One that is the last already was sent again after its answer was lost.
local call, META, AUDIT = redis.call, 1, 2

local function audit(document, digest)
  local head = call('HMGET', KEYS[META], 'audit_seq', 'audit_hash')
  local seq, hash = tonumber(head[1]), head[2]
  if not seq then
    -- Nothing was written yet, or somebody took the head away: it goes on behind what is there.
    local last = call('XREVRANGE', KEYS[AUDIT], '+', '-', 'COUNT', 1)[1]
    seq = last and tonumber(string.match(last[1], '^%d+')) or 0
    hash = last and last[2][4] or ''
  end
  local number = string.format('%.0f', seq + 1)
  local link = redis.sha1hex(hash .. ' ' .. number .. ' ' .. digest)
  call('XADD', KEYS[AUDIT], number .. '-0', 'd', document, 'h', link)
  call('HSET', KEYS[META], 'audit_seq', number, 'audit_hash', link)
end

local newest = call('XREVRANGE', KEYS[AUDIT], '+', '-', 'COUNT', 1)[1]
if not newest or newest[2][2] ~= ARGV[1] then
  audit(ARGV[1], ARGV[2])
end
return 1
