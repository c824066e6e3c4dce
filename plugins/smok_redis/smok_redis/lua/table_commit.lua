-- Makes the rows that were staged the rows of the table.
-- KEYS: 2 rows, 3 queue, 4 tags, 5 rows staging. ARGV: 5 how many rows there have to be.
redis.call('HLEN', KEYS[2])
redis.call('ZCARD', KEYS[3])
redis.call('HLEN', KEYS[4])
if redis.call('HLEN', KEYS[5]) ~= tonumber(ARGV[5]) then
  return redis.error_reply('SMOKGONE the rows staged are gone')
end
redis.call('UNLINK', KEYS[2], KEYS[3], KEYS[4])
redis.call('RENAME', KEYS[5], KEYS[2])
redis.call('PERSIST', KEYS[2])
return done('1')
