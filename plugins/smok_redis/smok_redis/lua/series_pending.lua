-- KEYS: 3 queue. ARGV: 4 first id, 5 limit (at most 1000).
return redis.call('XRANGE', KEYS[3], ARGV[4], '+', 'COUNT', ARGV[5])
