-- Put in front of every script: is this still our store, and was this write applied already?
-- KEYS: 1 meta, then the script's own.
-- ARGV: 1 id of the store, 2 field of the writer ('' in a read), 3 number of the write ('' in a read),
--       4 prefix of a series' counters or '', then the script's own.
local id, seq, told, stored, epoch = unpack(
  redis.call('HMGET', KEYS[1], 'id', 'seq', ARGV[2], ARGV[4] .. 'points', 'epoch'))
if id ~= ARGV[1] then
  return redis.error_reply('SMOKLOST the store was emptied or replaced')
end
if told then
  local number, answer = told:match('^(%d+) (.*)$')
  if number == ARGV[3] then
    return answer
  end
  if number and tonumber(number) > tonumber(ARGV[3]) then
    return redis.error_reply('SMOKSTALE a write that was given up')
  end
end

-- The last seq given out. The next ones are higher than it, and higher than the number of the
-- write, which is the client's clock in microseconds.
if ARGV[3] ~= '' then
  seq = math.max(tonumber(seq or 0), tonumber(ARGV[3]))
end

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

-- Called before a script takes seqs. A server with another replication id (it was restarted, or
-- took over) may not know the last seqs that were given out: they are leapt over, by 19 to 38 hours
-- of microseconds. No clock is so wrong unnoticed, and the length is the new id's own: what a second
-- such server gave is not met either. Where INFO is forbidden there is only the clock.
local function take_seqs()
  local told = redis.pcall('INFO', 'replication')
  local now = type(told) == 'string' and told:match('master_replid:(%x+)')
  if now and now ~= epoch then
    if epoch then
      seq = seq + 2 ^ 36 + tonumber(now:sub(1, 9), 16)
    end
    epoch = now
    redis.call('HSET', KEYS[1], 'epoch', now, 'seq', text(seq))
  end
end

-- Keeps what cannot be read, and counts it.
local function keep(where, name, bytes)
  if redis.call('HSETNX', where, name, bytes) == 1 then
    redis.call('HINCRBY', KEYS[1], 'damaged', 1)
  end
end
