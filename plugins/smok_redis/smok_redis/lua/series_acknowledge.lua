-- KEYS: 2 queue. ARGV: 5 packed list of seqs. Answers how many were pending.
-- Frees first: it runs on a full server.
local acknowledged = 0
for _, number in ipairs(cmsgpack.unpack(ARGV[5])) do
  acknowledged = acknowledged + redis.call('XDEL', KEYS[2], text(number) .. '-0')
end
if acknowledged == 0 then
  return '0'
end
return done(tostring(acknowledged))
