-- KEYS: 3 queue. ARGV: 4 packed list of seqs. Answers how many were queued.
-- Frees first: it runs on a full server.
local settled = 0
for _, seq in ipairs(cmsgpack.unpack(ARGV[4])) do
  settled = settled + redis.call('XDEL', KEYS[3], text(seq) .. '-0')
end
if settled == 0 then
  return '0'
end
return done(tostring(settled))
