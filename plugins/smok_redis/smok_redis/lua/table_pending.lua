-- KEYS: 3 rows, 4 queue, 5 tags. ARGV: 4 lowest score, 5 limit (at most 1000).
-- Answers {keys, rows, tags}, lowest seq first.
local keys = redis.call('ZRANGEBYSCORE', KEYS[4], ARGV[4], '+inf', 'LIMIT', 0, ARGV[5])
if #keys == 0 then
  return {{}, {}, {}}
end
return {
  keys,
  redis.call('HMGET', KEYS[3], unpack(keys)),
  redis.call('HMGET', KEYS[5], unpack(keys)),
}
