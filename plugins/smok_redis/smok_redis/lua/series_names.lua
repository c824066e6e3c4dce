-- KEYS: 3 names. ARGV: 4 '-' or '(' .. last name, 5 limit.
return redis.call('ZRANGEBYLEX', KEYS[3], ARGV[4], '+', 'LIMIT', 0, ARGV[5])
