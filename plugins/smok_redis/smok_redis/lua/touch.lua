-- Writes, so that there is something to wait for; never into a store that is gone. Runs without
-- the prelude. KEYS: 1 meta. ARGV: 1 id of the store.
if redis.call('HGET', KEYS[1], 'id') == ARGV[1] then
  redis.call('HSET', KEYS[1], 'touched', 1)
end
return 1
