-- KEYS: 2 queue. ARGV: 5 packed list of seqs. Answers how many were queued.
-- Frees first: it runs on a full server.
local settled = 0
for _, number in ipairs(cmsgpack.unpack(ARGV[5])) do
  settled = settled + redis.call('XDEL', KEYS[2], text(number) .. '-0')
end
if settled == 0 then
  return '0'
end
return done(tostring(settled))
