-- KEYS: 3 heads, 4 chunks of the key. ARGV: 4 key. Frees first: it runs on a full server.
if redis.call('HEXISTS', KEYS[3], ARGV[4]) == 0 then
  return '0'
end
redis.call('HLEN', KEYS[4])
redis.call('HDEL', KEYS[3], ARGV[4])
redis.call('UNLINK', KEYS[4])
return done('1')
