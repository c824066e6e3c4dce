-- Put in front of every script: is this still our store, and was this write applied already?
-- KEYS: 1 meta, then the script's own.
-- ARGV: 1 id of the store, 2 field of the writer ('' in a read), 3 number of the write ('' in a read),
--       4 prefix of a series' counters or '', then the script's own.
local id, seq, told, stored = unpack(
  redis.call('HMGET', KEYS[1], 'id', 'seq', ARGV[2], ARGV[4] .. 'points'))
if id ~= ARGV[1] then
  return redis.error_reply('SMOKLOST the store was emptied or replaced')
end
if told then
  local number, answer = told:match('^(%d+) (.*)$')
  if number == ARGV[3] then
    return answer
  end
  if tonumber(number) > tonumber(ARGV[3]) then
    return redis.error_reply('SMOKSTALE a write that was given up')
  end
end

-- The last seq given out. The next ones are higher than it, and higher than the number of the
-- write, which is the client's clock in microseconds and never goes back: a server that lost its
-- last seconds does not give a seq twice.
seq = math.max(tonumber(seq or 0), tonumber(ARGV[3]) or 0)

-- Remembers the answer of this write, for the case that the client has to ask again, and sets
-- more fields of meta. A script of new data must have begun with a command that a full server
-- refuses; this is one.
local function done(answer, ...)
  redis.call('HSET', KEYS[1], ARGV[2], ARGV[3] .. ' ' .. answer, ...)
  return answer
end

local function text(number)
  return string.format('%.0f', number)
end
