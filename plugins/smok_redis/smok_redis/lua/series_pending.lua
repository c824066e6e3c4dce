-- KEYS: 2 queue. ARGV: 5 first id, 6 limit (at most 1000).
-- Answers the id, name, timestamp and value of each entry, joined; or the entries as they are,
-- if the fields of one are not those that an append writes.
local page, flat = redis.call('XRANGE', KEYS[2], ARGV[5], '+', 'COUNT', ARGV[6]), {}
for _, entry in ipairs(page) do
  local fields = entry[2]
  if #fields ~= 6 or fields[1] ~= 'n' or fields[3] ~= 't' or fields[5] ~= 'v' then
    return page
  end
  flat[#flat + 1] = entry[1]
  for at = 2, 6, 2 do
    flat[#flat + 1] = fields[at]
  end
end
return joined(flat)
