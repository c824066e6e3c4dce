-- KEYS: 2 rows, 3 queue, 4 tags. ARGV: 5 packed list of {key, seq, tag or false, remove}.
-- Answers how many rows stopped being pending or were removed.
local acknowledged = 0
redis.call('HLEN', KEYS[2])
redis.call('HLEN', KEYS[4])
-- Frees nothing; but a full server lets a script write once it began with a freeing command.
redis.call('ZREM', KEYS[3], '')
for _, row in ipairs(cmsgpack.unpack(ARGV[5])) do
  local key, handed, tag, remove = row[1], row[2], row[3], row[4]
  local waits = redis.call('ZSCORE', KEYS[3], key)
  local current = waits and tonumber(waits) == handed
  if remove and not waits then
    local old = redis.call('HGET', KEYS[2], key)
    current = old and tonumber(old:match('^(%d+) ')) == handed
  end
  if current then
    acknowledged = acknowledged + 1
    redis.call('ZREM', KEYS[3], key)
  end
  if current and remove then
    redis.call('HDEL', KEYS[2], key)
    redis.call('HDEL', KEYS[4], key)
  elseif tag and redis.call('HEXISTS', KEYS[2], key) == 1 then
    redis.call('HSET', KEYS[4], key, tag)
  end
end
return done(tostring(acknowledged))
