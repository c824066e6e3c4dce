-- Put before the scripts that queue points: finding a stored point, and writing one.
-- KEYS: 3 queue, 4 names, then for each name its stream and its late set.
-- ARGV: 4 field prefix, the last: packed {{name...}, {index of the name, place, ts, value, ...}};
-- no (name, ts) repeats. A place is the timestamp + 2^63 in 20 digits.
local names, points = unpack(cmsgpack.unpack(ARGV[#ARGV]))
local waiting = redis.call('XLEN', KEYS[3])
redis.call('ZCARD', KEYS[4])

-- The place of the newest point of each name, '' if it has none. It is always in the stream.
local top, known = {}, {}
for i = 1, #names do
  local newest = redis.call('XREVRANGE', KEYS[3 + 2 * i], '+', '-', 'COUNT', 1)[1]
  local place = newest and newest[1]:match('^%d+') or ''
  known[i] = newest and true
  top[i] = newest and string.rep('0', 20 - #place) .. place or ''
end

-- What is stored at a place: {value, seq, and its id in the stream or its member of the late set}.
local function find(i, place)
  if place > top[i] then
    return nil
  end
  local entry = redis.call('XRANGE', KEYS[3 + 2 * i], place, place)[1]
  if entry then
    return {value = entry[2][2], seq = entry[1]:match('%d+$'), id = entry[1]}
  end
  local range = {'[' .. place, '[' .. place .. '\255'}
  local member = redis.call('ZRANGEBYLEX', KEYS[4 + 2 * i], range[1], range[2])[1]
  return member and
    {value = member:sub(38), seq = text(tonumber(member:sub(21, 36))), member = member}
end

local function queued(old)
  return #redis.call('XRANGE', KEYS[3], old.seq .. '-0', old.seq .. '-0') > 0
end

-- Queues the point and puts it where it belongs, instead of the old one if there is one.
local function write(seq, i, place, ts, value, old)
  local stream, late, id = KEYS[3 + 2 * i], KEYS[4 + 2 * i], text(seq)
  redis.call('XADD', KEYS[3], id .. '-0', 'n', names[i], 't', ts, 'v', value)
  if old then
    redis.call('XDEL', KEYS[3], old.seq .. '-0')
  end
  if old and old.id then
    redis.call('XDEL', stream, old.id)
  elseif old then
    redis.call('ZREM', late, old.member)
  end
  if place >= top[i] then
    redis.call('XADD', stream, place .. '-' .. id, 'v', value)
    top[i] = place
  else
    redis.call('ZADD', late, 0, place .. string.format('%016.0f', seq) .. ' ' .. value)
  end
  if not known[i] then
    redis.call('ZADD', KEYS[4], 0, names[i])
    known[i] = true
  end
end
