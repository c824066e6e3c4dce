-- KEYS: 3 heads, 4 chunks of the key, 5 chunks written aside (if there are).
-- ARGV: 4 field of the seq, 5 key, 6 version, 7 how many chunks, 8 data (if nothing is aside).
-- Answers '1', or {the version that stands in the way}.
local key, version, chunks = ARGV[5], ARGV[6], ARGV[7]

-- Versions are decimal texts: a number of Lua is exact only up to 2^53.
local function greater(a, b)
  local minus_a, minus_b = a:sub(1, 1) == '-', b:sub(1, 1) == '-'
  if minus_a ~= minus_b then
    return minus_b
  end
  if minus_a then
    a, b = b:sub(2), a:sub(2)
  end
  if #a ~= #b then
    return #a > #b
  end
  return a > b
end

local head = redis.call('HGET', KEYS[3], key)
redis.call('HLEN', KEYS[4])
if head then
  local stored = head:match('^%S+')
  if not greater(version, stored) then
    return {stored}
  end
end
if KEYS[5] and redis.call('HLEN', KEYS[5]) ~= tonumber(chunks) then
  return redis.error_reply('SMOKGONE the chunks written aside are gone')
end
local seq = text(last_seq(ARGV[4]) + 1)
redis.call('HSET', KEYS[1], ARGV[4], seq)
redis.call('HSET', KEYS[3], key, version .. ' ' .. seq .. ' ' .. chunks)
redis.call('UNLINK', KEYS[4])
if KEYS[5] then
  redis.call('RENAME', KEYS[5], KEYS[4])
  redis.call('PERSIST', KEYS[4])
else
  redis.call('HSET', KEYS[4], 0, ARGV[8])
end
return done('1')
