-- KEYS: 3 rows, 4 queue, 5 tags. ARGV: 4 key, 5 expected seq or ''.
-- Answers '1' if there was a row to remove, else '0'. Frees first: it runs on a full server.
local old = redis.call('HGET', KEYS[3], ARGV[4])
if not old or (ARGV[5] ~= '' and old:match('^(%d+) ') ~= ARGV[5]) then
  return '0'
end
redis.call('ZSCORE', KEYS[4], ARGV[4])
redis.call('HEXISTS', KEYS[5], ARGV[4])
redis.call('HDEL', KEYS[3], ARGV[4])
redis.call('HDEL', KEYS[5], ARGV[4])
redis.call('ZREM', KEYS[4], ARGV[4])
return done('1')
