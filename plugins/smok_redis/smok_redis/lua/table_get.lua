-- KEYS: 3 rows, 4 queue, 5 tags. ARGV: 4... keys, at most 1000.
-- Answers {rows, scores in the queue, tags}.
local keys = {unpack(ARGV, 4)}
return {
  redis.call('HMGET', KEYS[3], unpack(keys)),
  redis.call('ZMSCORE', KEYS[4], unpack(keys)),
  redis.call('HMGET', KEYS[5], unpack(keys)),
}
