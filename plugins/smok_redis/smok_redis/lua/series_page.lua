-- KEYS: 3 stream of the name, 4 its late set. ARGV: 4 first place, 5 last place, 6 limit.
-- Answers {entries of the stream, members of the late set}, each at most limit.
return {
  redis.call('XRANGE', KEYS[3], ARGV[4], ARGV[5], 'COUNT', ARGV[6]),
  redis.call('ZRANGEBYLEX', KEYS[4], '[' .. ARGV[4], '[' .. ARGV[5] .. '\255',
    'LIMIT', 0, ARGV[6]),
}
