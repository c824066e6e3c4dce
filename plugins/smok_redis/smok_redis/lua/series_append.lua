-- Archive, queue and counters in one step. KEYS and packed points: see points.lua.
-- ARGV: 5 max_pending or '', 6 on_full, 7 packed points.
-- Answers '1', or {pending} if that is too many.
local fresh, replaced = {}, 0
for p = 1, #points, 4 do  -- nothing is written until all points are looked at
  local old = find(points[p], points[p + 1])
  if not old or old.value ~= points[p + 3] then
    fresh[#fresh + 1] = {p, old}
    replaced = replaced + (old and 1 or 0)
  end
end
local cap, drops = tonumber(ARGV[5]), ARGV[6] == 'drop-oldest'
if #fresh == 0 and not (cap and drops and waiting > cap) then
  return '1'
end
if cap and not drops and waiting + #fresh > cap then
  return {waiting}
end
local seq = last_seq(ARGV[4] .. 'seq')
for _, point in ipairs(fresh) do
  local p = point[1]
  seq = seq + 1
  write(seq, points[p], points[p + 1], points[p + 2], points[p + 3], point[2])
end
redis.call('HSET', KEYS[1], ARGV[4] .. 'seq', text(seq))
redis.call('HINCRBY', KEYS[1], ARGV[4] .. 'points', #fresh - replaced)
if cap and drops then
  local dropped = redis.call('XTRIM', KEYS[3], 'MAXLEN', cap)
  if dropped > 0 then
    redis.call('HINCRBY', KEYS[1], ARGV[4] .. 'dropped', dropped)
  end
end
return done('1')
