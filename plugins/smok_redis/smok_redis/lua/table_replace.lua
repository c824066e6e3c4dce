-- KEYS: 3 rows, 4 queue, 5 tags. ARGV: 4 field of the seq, 5... key, value, at most 1000 pairs.
redis.call('HLEN', KEYS[3])
redis.call('ZCARD', KEYS[4])
redis.call('HLEN', KEYS[5])
local seq = last_seq(ARGV[4])
redis.call('HSET', KEYS[1], ARGV[4], text(seq + (#ARGV - 4) / 2))
redis.call('UNLINK', KEYS[3], KEYS[4], KEYS[5])
for i = 5, #ARGV, 2 do
  seq = seq + 1
  redis.call('HSET', KEYS[3], ARGV[i], text(seq) .. ' 0 ' .. ARGV[i + 1])
end
return done('1')
