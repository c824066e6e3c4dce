-- Takes what cannot be read out of a table, and keeps it.
-- KEYS: 2 rows, 3 queue, 4 tags, 5 what is kept. ARGV: 5 key, 6 name it is kept under, 7 the row,
-- 8 '1' if there is none: nothing is done when it was written meanwhile.
local row = redis.call('HGET', KEYS[2], ARGV[5])
if (row or '') ~= ARGV[7] or (ARGV[8] == '1') ~= (not row) then
  return '0'
end
keep(KEYS[5], ARGV[6], ARGV[7])
redis.call('HDEL', KEYS[2], ARGV[5])
redis.call('ZREM', KEYS[3], ARGV[5])
redis.call('HDEL', KEYS[4], ARGV[5])
return done('1')
