-- KEYS: 2 rows, 3 queue, 4 tags. ARGV: 5 key, 6 expected seq or ''.
-- Answers '1' if there was a row to remove, else '0'. Frees first: it runs on a full server.
local key = ARGV[5]
local old = redis.call('HGET', KEYS[2], key)
if not old or (ARGV[6] ~= '' and old:match('^(%d+) ') ~= ARGV[6]) then
  return '0'
end
redis.call('ZSCORE', KEYS[3], key)
redis.call('HEXISTS', KEYS[4], key)
redis.call('HDEL', KEYS[2], key)
redis.call('HDEL', KEYS[4], key)
redis.call('ZREM', KEYS[3], key)
return done('1')
