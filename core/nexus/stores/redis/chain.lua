-- Writes down an audit record, as the next of this shard's chain: the scripts that commit begin with this (scripts.py).
-- `meta` is the store's meta, where the chain's end stands, `chain` the stream of records.
local function audit(meta, chain, document, digest)
  local head = redis.call('HMGET', meta, 'audit_seq', 'audit_hash')
  local seq, hash = tonumber(head[1]), head[2]
  if not seq then
    -- Nothing was written yet, or somebody took the head away: it goes on behind what is there.
    local last = redis.call('XREVRANGE', chain, '+', '-', 'COUNT', 1)[1]
    seq = last and tonumber(string.match(last[1], '^%d+')) or 0
    hash = last and last[2][4] or ''
  end
  local number = string.format('%.0f', seq + 1)
  local link = redis.sha1hex(hash .. ' ' .. number .. ' ' .. digest)
  redis.call('XADD', chain, number .. '-0', 'd', document, 'h', link)
  redis.call('HSET', meta, 'audit_seq', number, 'audit_hash', link)
end

