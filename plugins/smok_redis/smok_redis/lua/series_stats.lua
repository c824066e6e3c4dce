-- KEYS: 2 queue, 3 names. Answers {names, points, pending, dropped, head of the queue}.
local dropped = redis.call('HGET', KEYS[1], ARGV[4] .. 'dropped')
return {
  redis.call('ZCARD', KEYS[3]), assert(tonumber(stored or 0)), redis.call('XLEN', KEYS[2]),
  assert(tonumber(dropped or 0)), redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1),
}
