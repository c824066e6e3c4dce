-- KEYS: 2 rows, 3 queue, 4 tags. ARGV: 5 lowest score, 6 limit (at most 1000).
-- Answers {keys, rows, tags, seqs}, lowest seq first.
local found, keys, seqs =
  redis.call('ZRANGEBYSCORE', KEYS[3], ARGV[5], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[6]), {}, {}
for i = 1, #found, 2 do
  keys[#keys + 1], seqs[#seqs + 1] = found[i], found[i + 1]
end
if #keys == 0 then
  return {{}, {}, {}, {}}
end
return {
  keys,
  redis.call('HMGET', KEYS[2], unpack(keys)),
  redis.call('HMGET', KEYS[4], unpack(keys)),
  seqs,
}
