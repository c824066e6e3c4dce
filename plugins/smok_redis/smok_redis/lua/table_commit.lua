-- Makes the rows that were written aside the rows of the table.
-- KEYS: 3 rows, 4 queue, 5 tags, 6 rows aside. ARGV: 4 how many rows there have to be.
redis.call('HLEN', KEYS[3])
redis.call('ZCARD', KEYS[4])
redis.call('HLEN', KEYS[5])
if redis.call('HLEN', KEYS[6]) ~= tonumber(ARGV[4]) then
  return redis.error_reply('SMOKGONE the rows written aside are gone')
end
redis.call('UNLINK', KEYS[3], KEYS[4], KEYS[5])
redis.call('RENAME', KEYS[6], KEYS[3])
redis.call('PERSIST', KEYS[3])
return done('1')
