-- KEYS: 2 rows, 3 queue, 4 tags. ARGV: 5... keys, at most 1000.
-- Answers {rows, scores in the queue, tags}.
local keys = {unpack(ARGV, 5)}
return {
  redis.call('HMGET', KEYS[2], unpack(keys)),
  redis.call('ZMSCORE', KEYS[3], unpack(keys)),
  redis.call('HMGET', KEYS[4], unpack(keys)),
}
