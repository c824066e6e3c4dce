-- Takes seqs for a replacement that is written in pieces.
-- ARGV: 5 how many. Answers the seq before the first.
take_seqs()
return done(text(seq), 'seq', text(seq + ARGV[5]))
