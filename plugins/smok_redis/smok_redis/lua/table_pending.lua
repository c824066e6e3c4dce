-- KEYS: 2 rows, 3 queue, 4 tags. ARGV: 5 lowest score, 6 limit (at most 1000).
-- Answers {keys, rows, tags}, lowest seq first.
local keys = redis.call('ZRANGEBYSCORE', KEYS[3], ARGV[5], '+inf', 'LIMIT', 0, ARGV[6])
if #keys == 0 then
  return {{}, {}, {}}
end
return {
  keys,
  redis.call('HMGET', KEYS[2], unpack(keys)),
  redis.call('HMGET', KEYS[4], unpack(keys)),
}
