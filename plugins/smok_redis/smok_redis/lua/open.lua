-- Finds or founds the store. Runs without the prelude.
-- KEYS: 1 meta. ARGV: 1 id for a new store, 2 its schema, 3 'found' or 'join',
-- 4 writers whose last write has a lower number are long done.
-- Answers {schema, id, how much was set aside}, or {false, false} if there is no store to join.
local schema, id = unpack(redis.call('HMGET', KEYS[1], 'schema', 'id'))
if not schema or not id then
  if schema or id then
    return redis.error_reply('SMOKJUNK half of the marker is gone')
  end
  local size = redis.call('HLEN', KEYS[1])
  if size > redis.call('HEXISTS', KEYS[1], 'touched') then  -- which earlier releases left alone
    return redis.error_reply('WRONGTYPE the key of the store holds something else')
  end
  if ARGV[3] ~= 'found' then
    return {false, false}
  end
  redis.call('HSET', KEYS[1], 'id', ARGV[1], 'schema', ARGV[2])
  return {ARGV[2], ARGV[1]}
end
-- What is remembered of writers must not grow for ever: forget some that are long done.
if redis.call('HLEN', KEYS[1]) > 100 and schema == ARGV[2] then
  local some = redis.call('HSCAN', KEYS[1], 0, 'MATCH', 'w:*', 'COUNT', 500)[2]
  for i = 1, #some, 2 do
    if (tonumber(some[i + 1]:match('^%d+')) or 0) < tonumber(ARGV[4]) then
      redis.call('HDEL', KEYS[1], some[i])
    end
  end
end
return {schema, id, redis.call('HGET', KEYS[1], 'damaged')}
