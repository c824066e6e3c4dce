-- KEYS: 3 heads, 4 chunks of the key. ARGV: 4 key, 5 number of the chunk.
-- Answers {head, chunk}: what belongs together has equal heads.
return {redis.call('HGET', KEYS[3], ARGV[4]), redis.call('HGET', KEYS[4], ARGV[5])}
