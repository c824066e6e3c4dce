-- Takes seqs for a replacement that is written in pieces.
-- ARGV: 4 field of the seq, 5 how many. Answers the seq before the first.
local seq = last_seq(ARGV[4])
redis.call('HSET', KEYS[1], ARGV[4], text(seq + ARGV[5]))
return done(text(seq))
