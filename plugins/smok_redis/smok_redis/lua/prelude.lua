-- Put in front of every script: is this still our store, and was this write applied already?
-- KEYS: 1 meta, 2 writers, then the script's own.
-- ARGV: 1 id of the store, 2 writer ('' in a read), 3 number of the write, then the script's own.
if redis.call('HGET', KEYS[1], 'id') ~= ARGV[1] then
  return redis.error_reply('SMOKLOST the store was emptied or replaced')
end
if ARGV[2] ~= '' then
  local told = redis.call('HGET', KEYS[2], ARGV[2])
  if told then
    local number, answer = told:match('^(%d+) %d+ (.*)$')
    if number == ARGV[3] then
      return answer
    end
    if tonumber(number) > tonumber(ARGV[3]) then
      return redis.error_reply('SMOKSTALE a write that was given up')
    end
  end
end

-- Remembers the answer of this write, for the case that the client has to ask again.
-- A script of new data calls it first: it is what a full server refuses.
local function done(answer)
  local now = redis.call('TIME')[1]
  redis.call('HSET', KEYS[2], ARGV[2], ARGV[3] .. ' ' .. now .. ' ' .. answer)
  return answer
end

-- The last seq given out under this field. The next ones are higher than it, and higher than the
-- clock in microseconds: a server that lost its last seconds does not give a number twice.
local function last_seq(field)
  local now = redis.call('TIME')
  local clock = math.min(now[1] * 1000000 + now[2], 8e15)
  return math.max(tonumber(redis.call('HGET', KEYS[1], field) or 0), clock)
end

local function text(number)
  return string.format('%.0f', number)
end
