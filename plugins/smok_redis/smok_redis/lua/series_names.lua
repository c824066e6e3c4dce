-- KEYS: 2 names. ARGV: 5 '-' or '(' .. last name, 6 limit.
return redis.call('ZRANGEBYLEX', KEYS[2], ARGV[5], '+', 'LIMIT', 0, ARGV[6])
