-- KEYS: 2 heads. ARGV: 5 key. Answers the head.
return redis.call('HGET', KEYS[2], ARGV[5])
