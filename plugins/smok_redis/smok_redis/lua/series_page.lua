-- KEYS: 2 stream of the name, 3 its late set. ARGV: 5 first place, 6 last place, 7 limit.
-- Answers {id and value of each entry of the stream, joined; members of the late set}, each at most
-- limit.
local flat = {}
for _, entry in ipairs(redis.call('XRANGE', KEYS[2], ARGV[5], ARGV[6], 'COUNT', ARGV[7])) do
  flat[#flat + 1] = entry[1]
  flat[#flat + 1] = entry[2][2]
end
return {
  joined(flat),
  redis.call('ZRANGEBYLEX', KEYS[3], '[' .. ARGV[5], '[' .. ARGV[6] .. '\255',
    'LIMIT', 0, ARGV[7]),
}
