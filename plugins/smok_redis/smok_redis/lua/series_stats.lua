-- KEYS: 3 queue, 4 names. ARGV: 4 field prefix.
-- Answers {names, points, pending, dropped, head of the queue}.
local points, dropped = unpack(
  redis.call('HMGET', KEYS[1], ARGV[4] .. 'points', ARGV[4] .. 'dropped'))
return {
  redis.call('ZCARD', KEYS[4]), tonumber(points or 0), redis.call('XLEN', KEYS[3]),
  tonumber(dropped or 0), redis.call('XRANGE', KEYS[3], '-', '+', 'COUNT', 1),
}
