-- Takes out what cannot be read, and keeps it: of a queue ('XDEL'), the names of a series ('ZREM') or
-- the heads of blobs ('HDEL', unless it was written meanwhile).
-- KEYS: 2 where it lies, 3 what is kept. ARGV: 5 command, 6 id or name, 7 name it is kept under, 8 bytes.
if ARGV[5] == 'HDEL' and redis.call('HGET', KEYS[2], ARGV[6]) ~= ARGV[8] then
  return '0'
end
keep(KEYS[3], ARGV[7], ARGV[8])
redis.call(ARGV[5], KEYS[2], ARGV[6])
return done('1')
