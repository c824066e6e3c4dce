-- KEYS: 2 heads, 3 chunks of the key, 4 chunks staged (if there are).
-- ARGV: 5 key, 6 version, 7 how many chunks, 8 data (if nothing is staged).
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

local head = redis.call('HGET', KEYS[2], key)
redis.call('HLEN', KEYS[3])
if head then
  local old = head:match('^%-?%d+')  -- none: somebody else wrote there, and it is mended
  if old and not greater(version, old) then
    return {old}
  end
end
if KEYS[4] and redis.call('HLEN', KEYS[4]) ~= tonumber(chunks) then
  return redis.error_reply('SMOKGONE the chunks staged are gone')
end
take_seqs()
seq = text(seq + 1)
done('1', 'seq', seq)
redis.call('HSET', KEYS[2], key, version .. ' ' .. seq .. ' ' .. chunks)
redis.call('UNLINK', KEYS[3])
if KEYS[4] then
  redis.call('RENAME', KEYS[4], KEYS[3])
  redis.call('PERSIST', KEYS[3])
else
  redis.call('HSET', KEYS[3], 0, ARGV[8])
end
return '1'
