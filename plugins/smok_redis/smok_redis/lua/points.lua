-- Put before the scripts that queue points: finding a stored point, and writing one.
-- KEYS: 2 queue, 3 names, then for each name its stream and its late set.
-- ARGV: 5 packed {{name...}, {index of the name, place, ts, value, ...}, more};
-- no (name, ts) repeats; or what one.lua takes. A place is the timestamp + 2^63 in 20 digits.
packed = packed or cmsgpack.unpack(ARGV[5])
local names, points = packed[1], packed[2]

-- The place of the newest point of each name, '' if it has none. It is always in the stream.
local top, unknown = {}, {}
for i = 1, #names do
  local newest = redis.call('XREVRANGE', KEYS[2 + 2 * i], '+', '-', 'COUNT', 1)[1]
  if newest then
    local place = newest[1]:match('^%d+')
    top[i] = string.rep('0', 20 - #place) .. place
  else
    redis.call('ZSCORE', KEYS[3], names[i])  -- is it ours to write?
    top[i], unknown[i] = '', true
  end
end

-- What is stored at a place: {value, seq, and its id in the stream or its member of the late set}.
local function find(i, place)
  if place > top[i] then
    return nil
  end
  local member = place < top[i] and
    redis.call('ZRANGEBYLEX', KEYS[3 + 2 * i], '[' .. place, '[' .. place .. '\255')[1]
  if member then
    return {value = member:sub(38), seq = text(tonumber(member:sub(21, 36))), member = member}
  end
  local entry = redis.call('XRANGE', KEYS[2 + 2 * i], place, place)[1]
  return entry and {value = entry[2][2], seq = entry[1]:match('%d+$'), id = entry[1]}
end

-- Queues the point and puts it where it belongs, instead of the old one if there is one.
-- A full server refuses the first command of it.
local function write(p, value, old)
  local i, place = points[p], points[p + 1]
  local stream, late = KEYS[2 + 2 * i], KEYS[3 + 2 * i]
  seq = seq + 1
  local id = text(seq)
  redis.call('XADD', KEYS[2], id .. '-0', 'n', names[i], 't', points[p + 2], 'v', value)
  if old then
    redis.call('XDEL', KEYS[2], old.seq .. '-0')
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
  if unknown[i] then
    redis.call('ZADD', KEYS[3], 0, names[i])
    unknown[i] = nil
  end
end
