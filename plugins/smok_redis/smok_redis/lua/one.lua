-- The usual append of a device, put before points.lua: one point that is newer than all of its name.
-- ARGV: 5 '' (else this is no single point), 6 name, 7 place, 8 ts, 9 value, 10 max_pending or '',
--       11 '1' if the oldest are dropped then.
local packed
if ARGV[5] == '' then
  local newest = redis.call('XREVRANGE', KEYS[4], '+', '-', 'COUNT', 1)[1]
  local at = newest and newest[1]:match('^%d+')
  if at and ARGV[10] == '' and string.rep('0', 20 - #at) .. at < ARGV[7] then
    take_seqs()
    local id, count = text(seq + 1), tonumber(stored or 0)
    redis.call('XADD', KEYS[2], id .. '-0', 'n', ARGV[6], 't', ARGV[8], 'v', ARGV[9])
    redis.call('XADD', KEYS[4], ARGV[7] .. '-' .. id, 'v', ARGV[9])
    return done('1', 'seq', id, ARGV[4] .. 'points', count and text(count + 1) or stored)
  end
  packed = {{ARGV[6]}, {1, ARGV[7], ARGV[8], ARGV[9]}, tonumber(ARGV[10]), ARGV[11] == '1'}
end
