-- Finds or founds the store. Runs without the prelude.
-- KEYS: 1 meta, 2 writers. ARGV: 1 id for a new store, 2 its schema, 3 'found' or 'join'.
-- Answers {schema, id}, or {false, false} if there is no store to join.
local schema, id = unpack(redis.call('HMGET', KEYS[1], 'schema', 'id'))
if not schema or not id then
  if redis.call('EXISTS', KEYS[1]) == 1 then
    return redis.error_reply('WRONGTYPE the key of the store holds something else')
  end
  if ARGV[3] ~= 'found' then
    return {false, false}
  end
  redis.call('HSET', KEYS[1], 'id', ARGV[1], 'schema', ARGV[2])
  return {ARGV[2], ARGV[1]}
end
-- Writers that have been silent for an hour have no write under way: forget some of them.
if redis.call('HLEN', KEYS[2]) > 64 and schema == ARGV[2] then
  local now = redis.call('TIME')[1]
  local some = redis.call('HSCAN', KEYS[2], 0, 'COUNT', 500)[2]
  for i = 1, #some, 2 do
    local at = some[i + 1]:match('^%d+ (%d+) ')
    if tonumber(at) + 3600 < tonumber(now) then
      redis.call('HDEL', KEYS[2], some[i])
    end
  end
end
return {schema, id}
