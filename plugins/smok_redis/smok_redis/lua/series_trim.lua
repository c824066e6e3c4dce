-- Forgets points that are old, not pending, and not the newest of their name.
-- KEYS: 2 queue, then for each name its stream and its late set.
-- ARGV: 5 last place to forget, 6 how many points to look at (at most 1000),
--       7 where to begin: number of the name, 8 's' stream or 'l' late set, 9 from what on.
-- Answers 'forgotten name part from': where to go on; the name is one too many at the end.
-- Frees first: it runs on a full server.
local head = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
local first = head and tonumber(head[1]:match('^%d+'))
local budget, gone = tonumber(ARGV[6]), 0
local i, part, from = tonumber(ARGV[7]), ARGV[8], ARGV[9]

local function waits(number)
  return first and tonumber(number) >= first
    and #redis.call('XRANGE', KEYS[2], number .. '-0', number .. '-0') > 0
end

local function old_of_stream(key)
  local newest = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  local found, free, last = redis.call('XRANGE', key, from, ARGV[5], 'COUNT', budget), {}, nil
  for _, entry in ipairs(found) do
    last = '(' .. entry[1]
    if entry[1] ~= newest[1] and not waits(entry[1]:match('%d+$')) then
      free[#free + 1] = entry[1]
    end
  end
  return 'XDEL', #found, free, last
end

local function old_of_late(key)
  local found, free, last = redis.call('ZRANGEBYLEX', key, '[' .. from, '[' .. ARGV[5] .. '\255',
    'LIMIT', 0, budget), {}, nil
  for _, member in ipairs(found) do
    last = member:sub(1, 36) .. '\255'
    local number = tonumber(member:sub(21, 36))
    if number and not waits(text(number)) then
      free[#free + 1] = member
    end
  end
  return 'ZREM', #found, free, last
end

local names = (#KEYS - 2) / 2
while i <= names and budget > 0 do
  local key = KEYS[(part == 's' and 1 or 2) + 2 * i]
  local command, seen, free, last = (part == 's' and old_of_stream or old_of_late)(key)
  if #free > 0 then
    gone = gone + redis.call(command, key, unpack(free))
  end
  if seen == budget then
    from = last
  else
    from = '00000000000000000000'
    i, part = part == 's' and i or i + 1, part == 's' and 'l' or 's'
  end
  budget = budget - seen - 1
end
local answer = gone .. ' ' .. i .. ' ' .. part .. ' ' .. from
if gone == 0 then
  return answer
end
local count = tonumber(stored or 0)
return done(answer, ARGV[4] .. 'points', count and text(count - gone) or stored)
