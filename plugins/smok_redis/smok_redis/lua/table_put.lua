-- KEYS: 2 rows, 3 queue, 4 tags. ARGV: 5 key, 6 value, 7 stamp, 8 '1' if pending, 9 when,
-- 10 expected seq or '', 11 how many may wait or '', 12 packed list of {key, seq, remove}: what may
-- be dropped for it. Answers '1' if written, '0' if not, or {pending} if too many wait.
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
local excess, victims = 0, {}
if ARGV[8] == '1' and ARGV[11] ~= '' and not waits then
  local pending = redis.call('ZCARD', KEYS[3])
  excess = pending + 1 - tonumber(ARGV[11])
  if excess > 0 then
    for _, row in ipairs(cmsgpack.unpack(ARGV[12])) do
      local score = redis.call('ZSCORE', KEYS[3], row[1])
      if #victims < excess and score and tonumber(score) == row[2] then
        victims[#victims + 1] = row
      end
    end
    if #victims < excess then
      return {pending}
    end
    redis.call('HLEN', KEYS[4])
  end
end
take_seqs()
seq = text(seq + 1)
done('1', 'seq', seq)
if #victims > 0 then
  redis.pcall('HINCRBY', KEYS[1], ARGV[4] .. 'dropped', #victims)
end
for _, row in ipairs(victims) do
  redis.call('ZREM', KEYS[3], row[1])
  if row[3] then
    redis.call('HDEL', KEYS[2], row[1])
    redis.call('HDEL', KEYS[4], row[1])
  end
end
redis.call('HSET', KEYS[2], key, seq .. ' ' .. stamp .. ' ' .. ARGV[6])
if ARGV[8] == '1' then
  redis.call('ZADD', KEYS[3], seq, key)
elseif waits then
  redis.call('ZREM', KEYS[3], key)
end
return '1'
