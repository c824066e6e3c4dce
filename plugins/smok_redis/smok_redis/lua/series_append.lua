-- Archive, queue and counters in one step. KEYS and packed points: see points.lua; the packed
-- more is max_pending or false, and whether the oldest are dropped then.
-- Answers '1', or {pending} if that is too many.
local fresh, replaced = {}, 0
for p = 1, #points, 4 do  -- nothing is written until all points are looked at
  local old = find(points[p], points[p + 1])
  if not old or old.value ~= points[p + 3] then
    fresh[#fresh + 1] = {p, old}
    replaced = replaced + (old and 1 or 0)
  end
end
if #fresh == 0 then
  return '1'
end
local most, drops = packed[3], packed[4]
if most and not drops then
  local pending = redis.call('XLEN', KEYS[2])
  if pending + #fresh > most then
    return {pending}
  end
end
take_seqs()
for _, point in ipairs(fresh) do
  write(point[1], points[point[1] + 3], point[2])
end
if most and drops then
  local dropped = redis.call('XTRIM', KEYS[2], 'MAXLEN', most)
  if dropped > 0 then
    redis.pcall('HINCRBY', KEYS[1], ARGV[4] .. 'dropped', dropped)
  end
end
-- A counter that somebody else spoilt stays as it is, and is told where it is read.
local count = tonumber(stored or 0)
return done('1', 'seq', text(seq), ARGV[4] .. 'points', count and text(count + #fresh - replaced) or stored)
