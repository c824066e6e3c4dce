-- KEYS: 2 heads, 3 chunks of the key. ARGV: 5 key. Frees first: it runs on a full server.
if redis.call('HEXISTS', KEYS[2], ARGV[5]) == 0 then
  return '0'
end
redis.call('HLEN', KEYS[3])
redis.call('HDEL', KEYS[2], ARGV[5])
redis.call('UNLINK', KEYS[3])
return done('1')
