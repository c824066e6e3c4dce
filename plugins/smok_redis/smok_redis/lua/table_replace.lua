-- KEYS: 2 rows, 3 queue, 4 tags. ARGV: 5... key, value, at most 1000 pairs.
redis.call('HLEN', KEYS[2])
redis.call('ZCARD', KEYS[3])
redis.call('HLEN', KEYS[4])
take_seqs()
done('1', 'seq', text(seq + (#ARGV - 4) / 2))
redis.call('UNLINK', KEYS[2], KEYS[3], KEYS[4])
for i = 5, #ARGV, 2 do
  seq = seq + 1
  redis.call('HSET', KEYS[2], ARGV[i], text(seq) .. ' 0 ' .. ARGV[i + 1])
end
return '1'
