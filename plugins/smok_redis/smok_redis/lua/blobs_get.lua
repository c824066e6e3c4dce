-- KEYS: 2 heads, 3 chunks of the key. ARGV: 5 key, 6 number of the chunk.
-- Answers {head, chunk}: what belongs together has equal heads.
return {redis.call('HGET', KEYS[2], ARGV[5]), redis.call('HGET', KEYS[3], ARGV[6])}
