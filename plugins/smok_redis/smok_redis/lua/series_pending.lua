-- KEYS: 2 queue. ARGV: 5 first id, 6 limit (at most 1000).
return redis.call('XRANGE', KEYS[2], ARGV[5], '+', 'COUNT', ARGV[6])
