-- KEYS: 2 stream of the name, 3 its late set. ARGV: 5 first place, 6 last place, 7 limit.
-- Answers {entries of the stream, members of the late set}, each at most limit.
return {
  redis.call('XRANGE', KEYS[2], ARGV[5], ARGV[6], 'COUNT', ARGV[7]),
  redis.call('ZRANGEBYLEX', KEYS[3], '[' .. ARGV[5], '[' .. ARGV[6] .. '\255',
    'LIMIT', 0, ARGV[7]),
}
