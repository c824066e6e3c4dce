-- KEYS: 3 rows, 4 queue, 5 tags. ARGV: 4 packed list of {key, seq, tag or false, remove}.
-- Answers how many rows stopped being pending or were removed.
local settled = 0
redis.call('HLEN', KEYS[3])
redis.call('HLEN', KEYS[5])
-- Frees nothing; but a full server lets a script write once it began with a freeing command.
redis.call('ZREM', KEYS[4], '')
for _, row in ipairs(cmsgpack.unpack(ARGV[4])) do
  local key, seq, tag, remove = row[1], row[2], row[3], row[4]
  local waits = redis.call('ZSCORE', KEYS[4], key)
  local current = waits and tonumber(waits) == seq
  if remove and not waits then
    local stored = redis.call('HGET', KEYS[3], key)
    current = stored and tonumber(stored:match('^(%d+) ')) == seq
  end
  if current then
    settled = settled + 1
    redis.call('ZREM', KEYS[4], key)
  end
  if current and remove then
    redis.call('HDEL', KEYS[3], key)
    redis.call('HDEL', KEYS[5], key)
  elseif tag and redis.call('HEXISTS', KEYS[3], key) == 1 then
    redis.call('HSET', KEYS[5], key, tag)
  end
end
return done(tostring(settled))
