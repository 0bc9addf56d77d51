#!lua
-- KEYS: workers. ARGV: worker, its document, seconds of its lease. Written by this server's clock.
local time = redis.call('TIME')
local now = time[1] + time[2] / 1e6
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.6f %.6f ', now + ARGV[3], now) .. ARGV[2])
return 1
