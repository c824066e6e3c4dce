-- Queues stored points again. KEYS and packed points: see points.lua; the values are empty.
-- Answers how many were pending.
local found = {}
for p = 1, #points, 4 do
  local old = find(points[p], points[p + 1])
  if old and #redis.call('XRANGE', KEYS[2], old.seq .. '-0', old.seq .. '-0') == 0 then
    found[#found + 1] = {p, old}
  end
end
if #found == 0 then
  return '0'
end
take_seqs()
for _, point in ipairs(found) do
  write(point[1], point[2].value, point[2])
end
return done(tostring(#found), 'seq', text(seq))
