-- KEYS: 3 heads. ARGV: 4 key. Answers the head.
return redis.call('HGET', KEYS[3], ARGV[4])
