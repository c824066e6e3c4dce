-- KEYS: 2 rows, 3 queue. ARGV: 5 key, 6 value, 7 stamp, 8 '1' if pending, 9 when,
-- 10 expected seq or ''. Answers '1' if written, else '0'.
local key, stamp = ARGV[5], ARGV[7]
local old = redis.call('HGET', KEYS[2], key)
local waits = redis.call('ZSCORE', KEYS[3], key)
local old_seq, old_stamp
if old then
  old_seq, old_stamp = old:match('^(%d+) (%S+) ')
end
if ARGV[10] ~= '' and old_seq ~= ARGV[10] then
  return '0'
end
if old and (ARGV[9] == 'absent'
    or (ARGV[9] == 'newer' and not (tonumber(stamp) > tonumber(old_stamp)))) then
  return '0'
end
seq = text(seq + 1)
done('1', 'seq', seq)
redis.call('HSET', KEYS[2], key, seq .. ' ' .. stamp .. ' ' .. ARGV[6])
if ARGV[8] == '1' then
  redis.call('ZADD', KEYS[3], seq, key)
elseif waits then
  redis.call('ZREM', KEYS[3], key)
end
return '1'
