-- KEYS: 3 rows, 4 queue. ARGV: 4 field of the seq, 5 key, 6 value, 7 stamp, 8 '1' if pending,
-- 9 when, 10 expected seq or ''. Answers '1' if written, else '0'.
local key, stamp = ARGV[5], ARGV[7]
local old = redis.call('HGET', KEYS[3], key)
local waits = redis.call('ZSCORE', KEYS[4], key)
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
local seq = text(last_seq(ARGV[4]) + 1)
redis.call('HSET', KEYS[1], ARGV[4], seq)
redis.call('HSET', KEYS[3], key, seq .. ' ' .. stamp .. ' ' .. ARGV[6])
if ARGV[8] == '1' then
  redis.call('ZADD', KEYS[4], seq, key)
elseif waits then
  redis.call('ZREM', KEYS[4], key)
end
return done('1')
