-- Queues stored points again. KEYS and packed points: see points.lua; the values are empty.
-- ARGV: 5 packed points. Answers how many were queued.
local found = {}
for p = 1, #points, 4 do
  local old = find(points[p], points[p + 1])
  if old and not queued(old) then
    found[#found + 1] = {p, old}
  end
end
if #found == 0 then
  return '0'
end
local seq = last_seq(ARGV[4] .. 'seq')
for _, point in ipairs(found) do
  local p = point[1]
  seq = seq + 1
  write(seq, points[p], points[p + 1], points[p + 2], point[2].value, point[2])
end
redis.call('HSET', KEYS[1], ARGV[4] .. 'seq', text(seq))
return done(tostring(#found))
